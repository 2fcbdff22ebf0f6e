import FoundationEssentials
import GRDB
package import ScanAPI
package import ScanCore
package import ScanTargets

/// A finding as it goes into the store and the log, and comes out of the store.
package struct StoredFinding: Sendable, Equatable {
    package let time: Timestamp
    package let endpoint: Endpoint
    package let state: TargetState
    package let reason: String
    package let ttl: UInt8?
    package let rttMicroseconds: UInt32?
    package let window: UInt16?
    package let mss: UInt16?
    package let attempt: UInt8?
    package let interface: String?
    /// Whether the answer carried no cookie, so that it may be forged.
    package var isUnverified = false
    /// `syn-ack ttl 57`: a later answer that contradicts this one.
    package var conflict: String?

    package init(
        time: Timestamp, endpoint: Endpoint, state: TargetState, reason: String, ttl: UInt8?, rttMicroseconds: UInt32?, window: UInt16?,
        mss: UInt16?, attempt: UInt8?, interface: String?
    ) {
        self.time = time
        self.endpoint = endpoint
        self.state = state
        self.reason = reason
        self.ttl = ttl
        self.rttMicroseconds = rttMicroseconds
        self.window = window
        self.mss = mss
        self.attempt = attempt
        self.interface = interface
    }
}

extension StoredFinding {
    /// What the engine saw; `interfaces` are the run's.
    package init(_ observation: Observation, interfaces: [String]) {
        let interface = observation.interface.flatMap { Int($0) < interfaces.count ? interfaces[Int($0)] : nil }
        self.init(
            time: Timestamp(microseconds: observation.time), endpoint: Endpoint(address: observation.address, port: observation.port),
            state: observation.state, reason: observation.reason.words, ttl: observation.ttl,
            rttMicroseconds: observation.rttMicroseconds, window: observation.window, mss: observation.mss, attempt: observation.attempt,
            interface: interface)
        isUnverified = !observation.isVerified
        conflict = observation.conflict.map { Self.conflict($0.reason.words, $0.ttl) }
    }

    /// A row's columns, in the order of `init(row:)`.
    static let columns = "time, address, port, state, reason, ttl, rtt, window, mss, attempt, interface, conflict, unverified"

    /// Nil for a row that this version cannot have written.
    init?(row: Row) {
        guard let address = Self.address(row[1]), let port = UInt16(exactly: row[2] as Int64), let state = TargetState(rawValue: row[3])
        else { return nil }
        self.init(
            time: Timestamp(microseconds: row[0]), endpoint: Endpoint(address: address, port: port), state: state, reason: row[4],
            ttl: Self.number(row[5]), rttMicroseconds: Self.number(row[6]), window: Self.number(row[7]), mss: Self.number(row[8]),
            attempt: Self.number(row[9]), interface: row[10])
        conflict = row[11]
        isUnverified = (row[12] as Int64?) == 1
    }

    /// The id of the job's finding of this target, nil when there is none.
    static func id(of target: Endpoint, job: Int64, _ db: Database) throws -> Int64? {
        let statement = try db.cachedStatement(sql: "SELECT id FROM findings WHERE job = ? AND address = ? AND port = ?")
        return try Int64.fetchOne(statement, arguments: [job, value(of: target.address), Int64(target.port)])
    }

    /// Adds a later answer to a finding that has none yet, and gives it; nil when it has one.
    static func note(_ conflict: String, of target: Endpoint, job: Int64, _ db: Database) throws -> StoredFinding? {
        let key: StatementArguments = [job, value(of: target.address), Int64(target.port)]
        let update = try db.cachedStatement(
            sql: "UPDATE findings SET conflict = ? WHERE job = ? AND address = ? AND port = ? AND conflict IS NULL")
        try update.execute(arguments: [conflict] + key)
        guard db.changesCount == 1 else { return nil }
        return try Row.fetchOne(
            db, sql: "SELECT \(columns) FROM findings WHERE job = ? AND address = ? AND port = ?", arguments: key
        ).flatMap { StoredFinding(row: $0) }
    }

    /// Puts this finding in the place of the stored one of its target that says `filtered`, and gives it with the ICMP error of that one as its
    /// conflict; nil when the stored one says something else. It gets a new id, greater than any, because a run that goes on looks for what has
    /// come since its checkpoint.
    func overrule(job: Int64, _ db: Database) throws -> StoredFinding? {
        let key: StatementArguments = [job, Self.value(of: endpoint.address), Int64(endpoint.port)]
        let place = "WHERE job = ? AND address = ? AND port = ? AND state = 'filtered'"
        guard let row = try Row.fetchOne(db, sql: "SELECT \(Self.columns) FROM findings \(place)", arguments: key),
            let before = StoredFinding(row: row)
        else { return nil }
        var finding = self
        if before.ttl != nil { finding.conflict = Self.conflict(before.reason, before.ttl) }
        let update = try db.cachedStatement(
            sql: """
                UPDATE findings SET id = (SELECT max(id) + 1 FROM findings), time = ?, state = ?, reason = ?, ttl = ?, rtt = ?, window = ?,
                mss = ?, attempt = ?, interface = ?, conflict = ?, unverified = ? \(place)
                """)
        let values: StatementArguments = [
            finding.time.microseconds, finding.state.rawValue, finding.reason, finding.ttl, finding.rttMicroseconds, finding.window,
            finding.mss, finding.attempt, finding.interface, finding.conflict, finding.isUnverified ? 1 : nil as Int64?,
        ]
        try update.execute(arguments: values + key)
        return finding
    }

    private static func conflict(_ reason: String, _ ttl: UInt8?) -> String { "\(reason) ttl \(ttl ?? 0)" }

    /// How many of the job's findings a later answer contradicts; nil for none.
    static func contradictions(of job: Int64, _ db: Database) throws -> Int64? {
        let count = try Int64.fetchOne(db, sql: "SELECT COUNT(*) FROM findings WHERE job = ? AND conflict IS NOT NULL", arguments: [job])
        return count.flatMap { $0 > 0 ? $0 : nil }
    }

    private static func number<Number: FixedWidthInteger>(_ value: Int64?) -> Number? {
        value.flatMap { Number(exactly: $0) }
    }

    static func address(_ value: DatabaseValue) -> IPAddress? {
        switch value.storage {
        case .int64(let number): UInt32(exactly: number).map { IPAddress(v4: $0) }
        case .blob(let data): data.count == 16 ? IPAddress(v6: data.reduce(0) { $0 << 8 | UInt128($1) }) : nil
        default: nil
        }
    }

    /// The address as the store writes it.
    static func value(of address: IPAddress) -> DatabaseValue {
        if let number = address.v4 { return Int64(number).databaseValue }
        return withUnsafeBytes(of: address.value.bigEndian) { Data($0) }.databaseValue
    }
}

extension Store {
    /// At most `limit` of the job's findings, by address and port, those after `last`.
    package func findings(of job: Int64, after last: Endpoint?, limit: Int) async throws -> [StoredFinding] {
        try await pool.read { db in
            let rows: RowCursor
            if let last {
                rows = try Row.fetchCursor(
                    db,
                    sql:
                        "SELECT \(StoredFinding.columns) FROM findings WHERE job = ? AND (address, port) > (?, ?) ORDER BY address, port LIMIT ?",
                    arguments: [job, StoredFinding.value(of: last.address), Int64(last.port), limit])
            } else {
                rows = try Row.fetchCursor(
                    db, sql: "SELECT \(StoredFinding.columns) FROM findings WHERE job = ? ORDER BY address, port LIMIT ?",
                    arguments: [job, limit])
            }
            var findings: [StoredFinding] = []
            while let row = try rows.next() {
                if let finding = StoredFinding(row: row) { findings.append(finding) }
            }
            return findings
        }
    }
}
