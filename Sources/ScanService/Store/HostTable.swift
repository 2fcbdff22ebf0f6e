import GRDB
package import ScanAPI
import ScanCore
import ScanEngine
package import ScanTargets

/// What is known of a whole host, as it goes into the store and the log, and comes out of the store.
package struct StoredHost: Sendable, Equatable {
    package let time: Timestamp
    package let address: IPAddress
    /// `HostObservation.State`
    package let state: String
    package let reason: String
    package var ttl: UInt8?
    package var openPorts: Int64?
    package var sampled: Int64?
    package var sampledOpen: Int64?
    package var mac: String?
    package var vendor: String?
    package var duplicateMac: String?
    package var macSharedBy: Int64?

    package init(time: Timestamp, address: IPAddress, state: String, reason: String) {
        self.time = time
        self.address = address
        self.state = state
        self.reason = reason
    }

    init(_ observation: HostObservation) {
        self.init(
            time: Timestamp(microseconds: observation.time), address: observation.address, state: observation.state.rawValue,
            reason: observation.reason.words)
        ttl = observation.ttl
        openPorts = observation.flood.map { Int64($0.openPorts) }
        sampled = observation.flood.map { Int64($0.sampled) }
        sampledOpen = observation.flood.map { Int64($0.sampledOpen) }
        mac = observation.hardware?.description
        vendor = observation.hardware.flatMap { VendorNames.installed.name(of: $0) }
        duplicateMac = observation.secondHardware?.description
        macSharedBy = observation.sharedBy.map { Int64($0) }
    }

    /// Nil for a row that this version cannot have written.
    init?(row: Row) {
        guard let address = StoredFinding.address(row["address"]) else { return nil }
        self.init(time: Timestamp(microseconds: row["time"]), address: address, state: row["state"], reason: row["reason"])
        ttl = (row["ttl"] as Int64?).flatMap { UInt8(exactly: $0) }
        (openPorts, sampled, sampledOpen) = (row["open_ports"], row["sampled"], row["sampled_open"])
        (mac, vendor, duplicateMac, macSharedBy) = (row["mac"], row["vendor"], row["duplicate_mac"], row["mac_shared_by"])
    }
}

enum HostTable {
    /// Stores what is known of a host of the job; false when that has been known.
    static func insert(_ host: StoredHost, job: Int64, _ db: Database) throws -> Bool {
        let statement = try db.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO hosts
                (job, address, state, time, reason, ttl, open_ports, sampled, sampled_open, mac, vendor, duplicate_mac, mac_shared_by)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try statement.execute(arguments: [
            job, StoredFinding.value(of: host.address), host.state, host.time.microseconds, host.reason, host.ttl.map { Int64($0) },
            host.openPorts, host.sampled, host.sampledOpen, host.mac, host.vendor, host.duplicateMac, host.macSharedBy,
        ])
        return db.changesCount == 1
    }

    /// The job's hosts in this state.
    static func known(of job: Int64, _ state: HostObservation.State, _ db: Database) throws -> [IPAddress] {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT address FROM hosts WHERE job = ? AND state = ?", arguments: [job, state.rawValue])
        var addresses: [IPAddress] = []
        while let row = try rows.next() {
            if let address = StoredFinding.address(row[0]) { addresses.append(address) }
        }
        return addresses
    }
}

extension Store {
    /// At most `limit` of what is known of the job's hosts, by address and state, those after `last`.
    package func hosts(of job: Int64, after last: StoredHost?, limit: Int) async throws -> [StoredHost] {
        try await pool.read { db in
            let rows: RowCursor
            if let last {
                rows = try Row.fetchCursor(
                    db, sql: "SELECT * FROM hosts WHERE job = ? AND (address, state) > (?, ?) ORDER BY address, state LIMIT ?",
                    arguments: [job, StoredFinding.value(of: last.address), last.state, limit])
            } else {
                rows = try Row.fetchCursor(
                    db, sql: "SELECT * FROM hosts WHERE job = ? ORDER BY address, state LIMIT ?", arguments: [job, limit])
            }
            var hosts: [StoredHost] = []
            while let row = try rows.next() {
                if let host = StoredHost(row: row) { hosts.append(host) }
            }
            return hosts
        }
    }
}
