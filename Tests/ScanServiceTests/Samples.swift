import GRDB
import ScanAPI
import ScanCore
import ScanService
import ScanTargets

/// Values that several tests need.
enum Samples {
    static func observation(_ number: UInt32, port: UInt16 = 80, state: TargetState = .open) -> Observation {
        Observation(
            time: 1_800_000_000_000_000 + Int64(number), address: IPAddress(v4: 0xc612_0000 + number), port: port, state: state,
            reason: state == .open ? .synAck : .noResponse)
    }

    static func record(name: String? = nil, uid: UInt32 = 1000) -> JobRecord {
        JobRecord(
            name: name, targets: ["198.18.0.0/24"], key: .random(), rate: 100, retries: 2, tcpOptions: .mss, states: [.open, .closed],
            submitter: Submitter(uid: uid, pid: 7, groups: [4, 27]), submitted: Timestamp(microseconds: 1_800_000_000_000_001),
            account: Account())
    }

    static var selection: TargetSelection {
        TargetSelection(
            hosts: AddressSet([AddressRange("198.18.0.0/24")].compactMap(\.self)), ports: PortSet([80...81]), endpoints: [])
    }

    /// What the writing connection's `PRAGMA synchronous` says: 2 is FULL.
    static func synchronousLevel(of store: Store) throws -> Int? {
        try store.pool.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
    }

    static var formatter: LineFormatter {
        LineFormatter(hostname: "probe", services: ServiceNames(servicesText: "http 80/tcp\n"))
    }

    /// Stores a job and returns its id.
    static func insertJob(_ store: Store, name: String? = nil, uid: UInt32 = 1000) throws -> Int64 {
        let new = record(name: name, uid: uid)
        let selection = selection
        return try store.pool.write { db in
            var record = new
            try record.insert(selection, db)
            return record.id
        }
    }
}

extension [Endpoint] {
    /// All of them, one by one.
    init(_ set: EndpointSet) {
        self = (0..<set.count).compactMap(set.endpoint(at:))
    }
}
