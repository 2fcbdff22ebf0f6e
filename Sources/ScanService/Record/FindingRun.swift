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

    /// Stores what has been appended and forgets it. `each` gets those that were new, in the order of arrival.
    mutating func store(_ db: Database, _ each: (StoredFinding, JobSink) -> Void) throws {
        guard !findings.isEmpty else { return }
        let insert = try FindingInsert(db)
        var isNew = [Bool](repeating: false, count: findings.count)
        let keys = findings.indices.map { Key(job: findings[$0].sink.job, endpoint: findings[$0].finding.endpoint, arrival: $0) }
        for key in keys.sorted() {
            isNew[key.arrival] = try insert.insert(findings[key.arrival].finding, job: key.job)
        }
        for (index, entry) in findings.enumerated() where isNew[index] { each(entry.finding, entry.sink) }
        findings.removeAll(keepingCapacity: true)
    }
}
