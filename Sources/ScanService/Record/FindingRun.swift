import GRDB
import PacketIO
import ScanCore
import ScanTargets

/// Findings between two changes of a transaction. They are stored in the order of their keys, which touches each page of the table once; their lines
/// keep the order of arrival.
struct FindingRun {
    private var batches: [Batch] = []
    private var count = 0

    /// Findings as a job's run delivered them; `first` is the number of the first of them in the order of arrival.
    private struct Batch {
        let sink: JobSink
        let interfaces: [String]
        let observations: [Observation]
        let first: Int
    }

    /// A place in the table, and of two arrivals for the same place the earlier one first. Plain numbers, because they are compared a million times a
    /// transaction.
    private struct Key: Comparable {
        let job: Int64
        let address: UInt128
        let isIPv6: Bool
        let port: UInt16
        let batch: UInt32
        let offset: UInt32

        static func < (a: Key, b: Key) -> Bool {
            if a.job != b.job { return a.job < b.job }
            if a.address != b.address { return a.address < b.address }
            if a.port != b.port { return a.port < b.port }
            if a.isIPv6 != b.isIPv6 { return b.isIPv6 }
            return a.batch == b.batch ? a.offset < b.offset : a.batch < b.batch
        }

        func isSamePlace(as other: Key) -> Bool {
            job == other.job && address == other.address && isIPv6 == other.isIPv6 && port == other.port
        }
    }

    mutating func append(_ observations: [Observation], from sink: JobSink) {
        batches.append(Batch(sink: sink, interfaces: sink.interfaces, observations: observations, first: count))
        count += observations.count
    }

    /// What a finding brings that was not known.
    enum New {
        /// A finding of a target that had none, or only one that this one overrules.
        case finding(StoredFinding)
        /// The finding that was stored before, with the answer that contradicts it.
        case conflict(StoredFinding)
    }

    /// Stores what has been appended and forgets it. `each` gets what was new, in the order of arrival.
    mutating func store(_ db: Database, _ each: (New, JobSink) -> Void) throws {
        guard count > 0 else { return }
        let news = try insert(keys.sorted(), db)
        for batch in batches {
            for (offset, observation) in batch.observations.enumerated() {
                if news.isNew[batch.first + offset] {
                    each(.finding(StoredFinding(observation, interfaces: batch.interfaces)), batch.sink)
                } else if let change = news.changes[batch.first + offset] {
                    each(change, batch.sink)
                }
            }
        }
        batches = []
        count = 0
    }

    /// What was new, by the order of arrival.
    private struct News {
        var isNew: [Bool]
        /// What was new of targets that had a finding already.
        var changes: [Int: New] = [:]
    }

    private func insert(_ keys: [Key], _ db: Database) throws -> News {
        var news = News(isNew: Array(repeating: false, count: count))
        var rest = keys[...]
        while !rest.isEmpty {
            var statement = try FindingInsert(db, rows: min(rest.count, FindingInsert.mostRows))
            while rest.count >= statement.rows {
                let group = rest.prefix(statement.rows)
                for key in group { statement.put(finding(key), job: key.job) }
                let stored = try statement.step()
                if stored == group.count {
                    for key in group { news.isNew[arrival(key)] = true }
                } else {
                    try tellApart(group, stored: stored, &news, db)
                }
                rest = rest.dropFirst(group.count)
            }
        }
        return news
    }

    /// Finds out which findings of a group were new, where not all were: those `stored` ones have the greatest ids, and of several for one place the
    /// first is it.
    private func tellApart(_ group: ArraySlice<Key>, stored: Int, _ news: inout News, _ db: Database) throws {
        let known = stored > 0 ? db.lastInsertedRowID - Int64(stored) : .max
        var previous: Key?
        for key in group {
            let finding = finding(key)
            let isRepeated = previous?.isSamePlace(as: key) ?? false
            previous = key
            if !isRepeated, let id = try StoredFinding.id(of: finding.endpoint, job: key.job, db), id > known {
                news.isNew[arrival(key)] = true
            } else if let change = try Self.change(finding, job: key.job, db) {
                news.changes[arrival(key)] = change
            }
        }
    }

    /// What a finding of a target that has one brings: the target's own answer overrules an ICMP error and silence.
    private static func change(_ finding: StoredFinding, job: Int64, _ db: Database) throws -> New? {
        if finding.attempt != nil, finding.state != .filtered, let changed = try finding.overrule(job: job, db) { return .finding(changed) }
        guard let conflict = finding.conflict else { return nil }
        return try StoredFinding.note(conflict, of: finding.endpoint, job: job, db).map { .conflict($0) }
    }

    private func arrival(_ key: Key) -> Int { batches[Int(key.batch)].first + Int(key.offset) }

    private func finding(_ key: Key) -> StoredFinding {
        let batch = Int(key.batch)
        return StoredFinding(batches[batch].observations[Int(key.offset)], interfaces: batches[batch].interfaces)
    }

    private var keys: [Key] {
        var keys: [Key] = []
        keys.reserveCapacity(count)
        for (number, batch) in batches.enumerated() {
            let job = batch.sink.job
            for (offset, observation) in batch.observations.enumerated() {
                keys.append(
                    Key(
                        job: job, address: observation.address.value, isIPv6: observation.address.family == .v6, port: observation.port,
                        batch: UInt32(truncatingIfNeeded: number), offset: UInt32(truncatingIfNeeded: offset)))
            }
        }
        return keys
    }
}
