import FoundationEssentials
package import GRDB
package import ScanCore
package import ScanEngine
import ScanTargets

/// What jobs have left untested, and what jobs that retry others are about, in the store.
package enum UntestedTable {
    /// Adds positions that the job's run has settled as untested. Those that a run which goes on settles again may be there twice.
    static func add(_ set: PositionSet, job: Int64, _ db: Database) throws {
        let statement = try db.cachedStatement(sql: "INSERT INTO untested (job, first, last, positions) VALUES (?, ?, ?, ?)")
        try statement.execute(arguments: [
            job, Int64(clamping: set.span.lowerBound), Int64(clamping: set.span.upperBound) - 1, Data(set.encoded),
        ])
    }

    static func sets(of job: Int64, in range: Range<UInt64>, _ db: Database) throws -> [PositionSet] {
        try decoded(
            Data.fetchAll(
                db, sql: "SELECT positions FROM untested WHERE job = ? AND first < ? AND last >= ?",
                arguments: [job, Int64(clamping: range.upperBound), Int64(clamping: range.lowerBound)]), job)
    }

    /// Keeps what a job that retries another is about.
    package static func choose(_ chosen: ChosenTargets, job: Int64, _ db: Database) throws {
        try db.execute(sql: "UPDATE jobs SET chosen_from = ? WHERE id = ?", arguments: [Int64(clamping: chosen.tail), job])
        for set in chosen.sets {
            try db.execute(
                sql: "INSERT INTO chosen (job, first, positions) VALUES (?, ?, ?)",
                arguments: [job, Int64(clamping: set.span.lowerBound), Data(set.encoded)])
        }
    }

    /// Nil for a job that is about its whole selection.
    package static func chosen(of job: Int64, _ db: Database) throws -> ChosenTargets? {
        guard let tail = try Int64.fetchOne(db, sql: "SELECT chosen_from FROM jobs WHERE id = ?", arguments: [job]) else { return nil }
        let sets = try Data.fetchAll(db, sql: "SELECT positions FROM chosen WHERE job = ? ORDER BY first", arguments: [job])
        return ChosenTargets(sets: try decoded(sets, job), tail: UInt64(clamping: tail))
    }

    private static func decoded(_ rows: [Data], _ job: Int64) throws -> [PositionSet] {
        try rows.map { row in
            if let set = PositionSet(encoded: [UInt8](row)) { return set }
            throw ServiceError("the store's untested targets of job \(job) are damaged")
        }
    }
}

extension Store {
    /// The part of its selection that a job is about; nil for all of it. Blocks.
    package func chosen(of job: Int64) throws -> ChosenTargets? { try pool.read { try UntestedTable.chosen(of: job, $0) } }

    /// What a job has left of which nothing is known. Blocks. Throws when the store is damaged.
    package func rest(of record: JobRecord) throws -> UntestedRest {
        let selection = try selection(of: record.id)
        let chosen = try chosen(of: record.id)
        guard record.leavesRest else { return try UntestedRest(ended: selection, key: record.key, chosen: chosen) }
        let point = try resumePoint(of: record.id)
        return try UntestedRest(
            selection, key: record.key, chosen: chosen, checkpoint: point.checkpoint,
            answered: point.answered.filter { $0.state != .untested })
    }

    /// All that a job which is over has left untested. Blocks.
    package func untested(of record: JobRecord) throws -> ChosenTargets {
        let rest = try rest(of: record)
        return try pool.read { db in try rest.chosen { try UntestedTable.sets(of: record.id, in: $0, db) } }
    }
}
