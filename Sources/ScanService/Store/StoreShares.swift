import GRDB
import ScanAPI

/// What a job takes of the store.
package struct Holding: Sendable, Equatable {
    package let job: Int64
    package let uid: UInt32
    /// When it ended; nil while it is not over.
    package let finished: Int64?
    /// About so many bytes.
    package let bytes: Int64

    package init(job: Int64, uid: UInt32, finished: Int64?, bytes: Int64) {
        (self.job, self.uid, self.finished, self.bytes) = (job, uid, finished, bytes)
    }
}

/// How much of the store each user takes, and whose jobs go when it is too large: nobody loses results because somebody else fills it.
package struct StoreShares {
    private struct Share {
        var bytes: Int64 = 0
        /// Jobs that are over, the latest first.
        var finished: [Holding] = []
    }

    private var shares: [UInt32: Share] = [:]

    package init(_ holdings: [Holding]) {
        for holding in holdings {
            shares[holding.uid, default: Share()].bytes += holding.bytes
            if holding.finished != nil { shares[holding.uid]?.finished.append(holding) }
        }
        for uid in shares.keys { shares[uid]?.finished.sort { ($0.finished ?? 0, $0.job) > ($1.finished ?? 0, $1.job) } }
    }

    /// The jobs to delete, in order, so that about so many bytes come free: each time the oldest of whoever then takes most.
    package func leaving(_ excess: Int64) -> [Int64] {
        var (shares, rest, jobs) = (shares, excess, [Int64]())
        while rest > 0 {
            let largest = shares.filter { !$0.value.finished.isEmpty }.max { ($0.value.bytes, $0.key) < ($1.value.bytes, $1.key) }
            guard let uid = largest?.key, let oldest = shares[uid]?.finished.popLast() else { break }
            shares[uid]?.bytes -= oldest.bytes
            rest -= oldest.bytes
            jobs.append(oldest.job)
        }
        return jobs
    }
}

extension Store {
    /// What a finding takes in table and index, and what a job takes besides.
    private static let bytesOfFinding: Int64 = 128
    private static let bytesOfJob: Int64 = 2048

    /// What each job takes; reckoned from its account, since counting the findings of a large store would take long.
    package func holdings() async throws -> [Holding] {
        try await pool.read { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT id, uid, finished, selection_bytes, states, account FROM jobs WHERE deleted = 0")
            var holdings: [Holding] = []
            while let row = try rows.next() {
                let account = try JobRecord.decode(row["account"], as: Account.self)
                let states = try JobRecord.decode(row["states"], as: [String].self)
                let findings = states.reduce(Int64(0)) { $0 + account.count(ofState: $1) }
                holdings.append(
                    Holding(
                        job: row["id"], uid: UInt32(truncatingIfNeeded: row["uid"] as Int64), finished: row["finished"],
                        bytes: Self.bytesOfJob + row["selection_bytes"] + Self.bytesOfFinding * findings))
            }
            return holdings
        }
    }
}

extension Account {
    fileprivate func count(ofState state: String) -> Int64 {
        switch state {
        case "open": open
        case "closed": closed
        case "filtered": filtered
        case "down": down
        case "untested": untested
        default: 0
        }
    }
}
