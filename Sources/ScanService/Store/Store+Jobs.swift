import FoundationEssentials
package import GRDB
package import ScanAPI
import ScanCore
package import ScanTargets

extension Store {
    /// A job that the last process left.
    package struct Leftover: Sendable {
        /// Its account is that of the last checkpoint, and what was found after it.
        package var record: JobRecord
        /// Whether a run of it has come to a checkpoint.
        package let isProven: Bool
    }

    /// The jobs that are not in a final state, oldest first. Blocks.
    package func liveJobs() throws -> [Leftover] {
        try pool.read { db in
            let rows = try Row.fetchCursor(
                db,
                sql: """
                    SELECT jobs.*, checkpoints.header AS header, last_finding FROM jobs LEFT JOIN checkpoints ON checkpoints.job = jobs.id
                    WHERE state NOT IN ('finished', 'cancelled', 'failed') ORDER BY id
                    """)
            var jobs: [Leftover] = []
            while let row = try rows.next() {
                let header: Data? = row["header"]
                var job = Leftover(record: try JobRecord(row: row), isProven: header != nil)
                if let header, let checkpoint = ScanCheckpoint(header: [UInt8](header), pages: []) {
                    job.record.account.take(checkpoint.counters)
                }
                if job.record.started != nil {
                    let states = try CheckpointTable.states(of: job.record.id, after: row["last_finding"] ?? 0, db)
                    job.record.account.add(states)
                    let flooded = try HostTable.known(of: job.record.id, .answersEverything, db).count
                    job.record.account.hostsAnsweringEverything = flooded > 0 ? Int64(flooded) : nil
                }
                jobs.append(job)
            }
            return jobs
        }
    }

    /// Counts a death against each job that had just been started, and pauses all jobs after too long an interruption; what happened is told in the
    /// results log. Returns how long the interruption was, in seconds, where it was too long.
    package static func settleInterruption(
        deadly: [Int64], resumeWithin limit: Int, now: Heartbeat, _ db: Database
    ) throws -> (seconds: Double?, lines: [JobLine]) {
        for job in deadly { try db.execute(sql: "UPDATE jobs SET deaths = deaths + 1 WHERE id = ?", arguments: [job]) }
        let gap = try Heartbeat.last(db).map { now.seconds(since: $0) } ?? 0
        try now.store(db)
        guard gap > Double(limit) else { return (nil, []) }
        let reason = "interrupted for \(Int(gap)) s, longer than [limits] resume_within"
        let time = Timestamp(microseconds: now.wall)
        let rows = try Row.fetchAll(
            db,
            sql: """
                UPDATE jobs SET state = 'paused', reason = ? WHERE state NOT IN ('finished', 'cancelled', 'failed', 'paused')
                RETURNING id, name
                """, arguments: [reason])
        return (gap, rows.map { JobLine(.paused, time: time, job: $0["id"], name: $0["name"], reason: reason) })
    }

    /// The latest `limit` jobs, oldest first.
    package func latestJobs(_ limit: Int) async throws -> [JobRecord] {
        try await pool.read { db in
            try JobRecord.fetchAll(
                db, sql: "SELECT * FROM (SELECT * FROM jobs WHERE deleted = 0 ORDER BY id DESC LIMIT ?) ORDER BY id", arguments: [limit])
        }
    }

    /// The job that `uid` means; nil when there is none. Throws `Refusal` for a name that several others have given to jobs: whose is meant then
    /// must not depend on who used it last.
    package func job(_ reference: JobReference, for uid: UInt32? = nil) async throws -> JobRecord? {
        try await pool.read { db in
            switch reference {
            case .id(let id): try JobRecord.fetchOne(db, sql: "SELECT * FROM jobs WHERE id = ? AND deleted = 0", arguments: [id])
            case .owned(let uid, let name): try Self.latest(name, of: uid, db)
            case .name(let name):
                if let uid, let own = try Self.latest(name, of: uid, db) { own } else { try Self.only(name, db) }
            }
        }
    }

    private static func latest(_ name: String, of uid: UInt32, _ db: Database) throws -> JobRecord? {
        try JobRecord.fetchOne(
            db, sql: "SELECT * FROM jobs WHERE name = ? AND uid = ? AND deleted = 0 ORDER BY id DESC LIMIT 1",
            arguments: [name, Int64(uid)])
    }

    /// The latest job of the one user who has any of this name.
    private static func only(_ name: String, _ db: Database) throws -> JobRecord? {
        let users = try Int64.fetchAll(
            db, sql: "SELECT DISTINCT uid FROM jobs WHERE name = ? AND deleted = 0 ORDER BY uid LIMIT 3", arguments: [name])
        guard let first = users.first else { return nil }
        guard users.count == 1 else {
            let others =
                users.prefix(2).map(String.init).joined(separator: users.count > 2 ? ", " : " and ")
                + (users.count > 2 ? " and others" : "")
            throw Refusal(
                .conflict, "Users \(others) have jobs called \(name): say whose, as in \(first)/\(name), or give the job's number.")
        }
        return try latest(name, of: UInt32(truncatingIfNeeded: first), db)
    }

    /// How many jobs are in each state.
    package func jobCounts() async throws -> [String: Int] {
        try await pool.read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT state, COUNT(*) AS count FROM jobs WHERE deleted = 0 GROUP BY state")
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
