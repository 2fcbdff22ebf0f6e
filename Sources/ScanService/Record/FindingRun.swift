import GRDB
import ScanEngine
import ScanTargets

/// Findings between two changes of a transaction. They are stored in the order of their keys, which touches each page of the table once; their lines
/// keep the order of arrival.
struct FindingRun {
    private var findings: [(finding: StoredFinding, sink: JobSink)] = []

    /// A place in the table, and of two arrivals for the same place the earlier one first.
    private struct Key: Comparable {
        let job: Int64
        let endpoint: Endpoint
        let arrival: Int

        static func < (a: Key, b: Key) -> Bool {
            if a.job != b.job { return a.job < b.job }
            return a.endpoint == b.endpoint ? a.arrival < b.arrival : a.endpoint < b.endpoint
        }
    }

    mutating func append(_ batch: [Observation], from sink: JobSink) {
        let interfaces = sink.interfaces
        for observation in batch { findings.append((StoredFinding(observation, interfaces: interfaces), sink)) }
    }

    /// What a finding brings that was not known.
    enum New {
        case finding(StoredFinding)
        /// The finding that was stored before, with the answer that contradicts it.
        case conflict(StoredFinding)
    }

    /// Stores what has been appended and forgets it. `each` gets what was new, in the order of arrival.
    mutating func store(_ db: Database, _ each: (New, JobSink) -> Void) throws {
        guard !findings.isEmpty else { return }
        var insert = try FindingInsert(db)
        var news = [New?](repeating: nil, count: findings.count)
        let keys = findings.indices.map { Key(job: findings[$0].sink.job, endpoint: findings[$0].finding.endpoint, arrival: $0) }
        for key in keys.sorted() {
            let finding = findings[key.arrival].finding
            if try insert.insert(finding, job: key.job) {
                news[key.arrival] = .finding(finding)
            } else if let conflict = finding.conflict {
                news[key.arrival] = try StoredFinding.note(conflict, of: finding.endpoint, job: key.job, db).map { .conflict($0) }
            }
        }
        for (new, entry) in zip(news, findings) {
            if let new { each(new, entry.sink) }
        }
        findings.removeAll(keepingCapacity: true)
    }
}
