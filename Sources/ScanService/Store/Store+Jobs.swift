import FoundationEssentials
import GRDB
package import ScanAPI
package import ScanEngine
package import ScanTargets

extension Store {
    /// The jobs that are not in a final state, oldest first.
    package func liveJobs() throws -> [JobRecord] {
        try pool.read { db in
            try JobRecord.fetchAll(
                db, sql: "SELECT * FROM jobs WHERE state NOT IN ('finished', 'cancelled', 'failed') ORDER BY id")
        }
    }

    /// The latest `limit` jobs, oldest first.
    package func latestJobs(_ limit: Int) async throws -> [JobRecord] {
        try await pool.read { db in
            try JobRecord.fetchAll(
                db, sql: "SELECT * FROM (SELECT * FROM jobs ORDER BY id DESC LIMIT ?) ORDER BY id", arguments: [limit])
        }
    }

    /// The job with this id, or the latest of this name.
    package func job(_ reference: JobReference) async throws -> JobRecord? {
        try await pool.read { db in
            switch reference {
            case .id(let id): try JobRecord.fetchOne(db, sql: "SELECT * FROM jobs WHERE id = ?", arguments: [id])
            case .name(let name):
                try JobRecord.fetchOne(db, sql: "SELECT * FROM jobs WHERE name = ? ORDER BY id DESC LIMIT 1", arguments: [name])
            }
        }
    }

    /// How many jobs are in each state.
    package func jobCounts() async throws -> [String: Int] {
        try await pool.read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT state, COUNT(*) AS count FROM jobs GROUP BY state")
            return Dictionary(rows.map { ($0["state"] as String, $0["count"] as Int) }) { $1 }
        }
    }

    /// What the job scans. Blocks. Throws when the store is damaged.
    package func selection(of job: Int64) throws -> TargetSelection {
        let encoded = try pool.read { try String.fetchOne($0, sql: "SELECT encoded FROM selections WHERE job = ?", arguments: [job]) }
        guard let encoded, let selection = TargetSelection(encoded: encoded) else {
            throw ServiceError("the store's targets of job \(job) are damaged")
        }
        return selection
    }

    /// Where the job's run stood when it was stopped last, nil when it begins. Blocks.
    package func checkpoint(of job: Int64) throws -> ScanCheckpoint? {
        let data = try pool.read { try Data.fetchOne($0, sql: "SELECT data FROM checkpoints WHERE job = ?", arguments: [job]) }
        guard let data else { return nil }
        guard let checkpoint = ScanCheckpoint(encoded: [UInt8](data)) else {
            throw ServiceError("the store's checkpoint of job \(job) is damaged")
        }
        return checkpoint
    }

    /// The first source ports of jobs that ended after `time`, with the time of their end. Blocks.
    package func sourcePorts(usedSince time: Timestamp) throws -> [(first: UInt16, end: Timestamp)] {
        try pool.read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT source_port, finished FROM jobs WHERE finished > ? AND source_port IS NOT NULL",
                arguments: [time.microseconds])
            return rows.map { row in
                (UInt16(truncatingIfNeeded: row["source_port"] as Int64), Timestamp(microseconds: row["finished"]))
            }
        }
    }
}
