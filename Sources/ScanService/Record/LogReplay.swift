import FoundationEssentials
import GRDB
import ScanAPI
import ScanTargets

/// Gives a store that is older than the results log back what the log's lines tell: findings and ends of jobs that it knows. So nothing that stands in
/// the log is found and logged again after a backup was restored. Used by one thread.
final class LogReplay {
    private let store: Store
    private var waiting: [[UInt8]] = []
    private var findings = 0
    private var ends = 0
    private static let batch = 4096

    init(store: Store) {
        self.store = store
    }

    /// What was taken over, as a sentence.
    var words: String {
        findings + ends == 0
            ? "Nothing in them is of a job that it knows."
            : "\(findings) findings and the ends of \(ends) jobs were taken over from the log."
    }

    /// Takes a line that the store does not know.
    func take(_ line: ArraySlice<UInt8>) throws {
        waiting.append(Array(line))
        if waiting.count >= Self.batch { try flush() }
    }

    /// Stores what was taken; `highestJob` and the numbers before are not given to new jobs.
    func finish(highestJob: Int64) throws {
        try flush()
        guard highestJob > 0 else { return }
        try store.pool.write { db in
            try db.execute(sql: "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'jobs'", arguments: [highestJob])
            guard db.changesCount == 0 else { return }
            try db.execute(sql: "INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', ?)", arguments: [highestJob])
        }
    }

    private func flush() throws {
        guard !waiting.isEmpty else { return }
        let lines = waiting
        waiting = []
        let (findings, ends) = try store.pool.write { db in
            let jobs = Set(try Int64.fetchAll(db, sql: "SELECT id FROM jobs"))
            var (findings, ends) = (0, 0)
            for bytes in lines {
                let data = Data(bytes)
                // A line of another version is passed over.
                guard let line = try? APICoding.decode(LoggedLine.self, from: data), let job = line.job, jobs.contains(job) else {
                    continue
                }
                findings += try Self.store(line, job, db) ? 1 : 0
                ends += try Self.end(line, job, data, db) ? 1 : 0
            }
            return (findings, ends)
        }
        self.findings += findings
        self.ends += ends
    }

    private static func store(_ line: LoggedLine, _ job: Int64, _ db: Database) throws -> Bool {
        switch line.event {
        case "port", "conflict":
            guard let finding = line.finding else { return false }
            var insert = try FindingInsert(db, rows: 1)
            insert.put(finding, job: job)
            if try insert.step() > 0 { return true }
            if let conflict = finding.conflict { _ = try StoredFinding.note(conflict, of: finding.endpoint, job: job, db) }
            return false
        case "host":
            guard let host = line.host else { return false }
            return try HostTable.insert(host, job: job, db)
        default: return false
        }
    }

    private static func end(_ line: LoggedLine, _ job: Int64, _ data: Data, _ db: Database) throws -> Bool {
        let states: [JobLine.Event: JobState] = [.finished: .finished, .cancelled: .cancelled, .failed: .failed]
        guard let event = JobLine.Event(rawValue: line.event), let state = states[event] else { return false }
        // The line's account under the same keys, with what else stands in the line left out.
        try db.execute(
            sql: """
                UPDATE jobs SET state = ?, reason = ?, finished = ?, account = json_remove(json_patch(account, ?),
                    '$.v', '$.seq', '$.time', '$.hostname', '$.event', '$.job', '$.name', '$.reason')
                WHERE id = ? AND finished IS NULL
                """, arguments: [state.rawValue, line.reason, line.time.microseconds, String(decoding: data, as: UTF8.self), job])
        guard db.changesCount > 0 else { return false }
        try CheckpointTable.delete(of: job, db)
        return true
    }
}

/// A line of the results log, as far as the store keeps what it says.
private struct LoggedLine: Decodable {
    let event: String
    let time: Timestamp
    let job: Int64?
    let address: String?
    let port: UInt16?
    let state: String?
    let reason: String?
    let ttl: UInt8?
    let rttMs: Double?
    let tcpWindow: UInt16?
    let mss: UInt16?
    let attempt: UInt8?
    let interface: String?
    let conflict: String?
    let openPorts: Int64?
    let sampled: Int64?
    let sampledOpen: Int64?
    let mac: String?
    let vendor: String?
    let duplicateMac: String?
    let macSharedBy: Int64?

    var finding: StoredFinding? {
        guard let address = address.flatMap({ IPAddress($0) }), let port, let state = state.flatMap({ TargetState(rawValue: $0) }),
            let reason
        else { return nil }
        let rtt = rttMs.flatMap { UInt32(exactly: ($0 * 1000).rounded()) }
        var finding = StoredFinding(
            time: time, endpoint: Endpoint(address: address, port: port), state: state, reason: reason, ttl: ttl, rttMicroseconds: rtt,
            window: tcpWindow, mss: mss, attempt: attempt, interface: interface)
        finding.conflict = conflict
        return finding
    }

    var host: StoredHost? {
        guard let address = address.flatMap({ IPAddress($0) }), let state, let reason else { return nil }
        var host = StoredHost(time: time, address: address, state: state, reason: reason)
        host.ttl = ttl
        (host.openPorts, host.sampled, host.sampledOpen) = (openPorts, sampled, sampledOpen)
        (host.mac, host.vendor, host.duplicateMac, host.macSharedBy) = (mac, vendor, duplicateMac, macSharedBy)
        return host
    }
}
