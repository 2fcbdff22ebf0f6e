import FoundationEssentials
package import GRDB
package import ScanCore
package import ScanEngine
package import ScanTargets

/// Where the runs of jobs stood, in the store.
package enum CheckpointTable {
    /// Keeps a checkpoint over the ones before it. Inside a transaction that has stored the findings it knows of.
    package static func store(_ checkpoint: ScanCheckpoint, of job: Int64, _ db: Database) throws {
        let chunk = Int64(clamping: checkpoint.chunkStart)
        let before = try Int64.fetchOne(db, sql: "SELECT chunk FROM checkpoints WHERE job = ?", arguments: [job])
        if before != chunk { try db.execute(sql: "DELETE FROM checkpoint_pages WHERE job = ?", arguments: [job]) }
        try db.execute(
            sql: """
                INSERT OR REPLACE INTO checkpoints (job, chunk, header, last_finding)
                VALUES (?, ?, ?, (SELECT ifnull(max(id), 0) FROM findings))
                """, arguments: [job, chunk, Data(checkpoint.header)])
        let statement = try db.cachedStatement(sql: "INSERT OR REPLACE INTO checkpoint_pages (job, page, data) VALUES (?, ?, ?)")
        for page in checkpoint.pages { try statement.execute(arguments: [job, page.number, Data(page.bytes)]) }
        // From here on the job is known to run.
        try db.execute(sql: "UPDATE jobs SET deaths = 0 WHERE id = ? AND deaths > 0", arguments: [job])
    }

    package static func delete(of job: Int64, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM checkpoint_pages WHERE job = ?", arguments: [job])
        try db.execute(sql: "DELETE FROM checkpoints WHERE job = ?", arguments: [job])
    }
}

/// Where a job's run goes on.
package struct ResumePoint: Sendable {
    /// Nil when it begins.
    package var checkpoint: ScanCheckpoint?
    /// What was found after the checkpoint.
    package var answered: [(target: Endpoint, state: TargetState)]
    /// What has been told of whole hosts.
    package var hosts: KnownHosts
}

extension Store {
    /// Where the job's run goes on. Blocks. Throws when the store is damaged.
    package func resumePoint(of job: Int64) throws -> ResumePoint {
        try pool.read { db in
            let row = try Row.fetchOne(db, sql: "SELECT header, last_finding FROM checkpoints WHERE job = ?", arguments: [job])
            let answered = try CheckpointTable.findings(of: job, after: row?["last_finding"] ?? 0, db)
            var hosts = KnownHosts()
            hosts.up = try HostTable.known(of: job, .up, db)
            hosts.flooded = try HostTable.known(of: job, .answersEverything, db)
            guard let row else { return ResumePoint(checkpoint: nil, answered: answered, hosts: hosts) }
            let pages = try Self.pages(of: job, db)
            guard let checkpoint = ScanCheckpoint(header: [UInt8](row["header"] as Data), pages: pages) else { throw damaged(job) }
            return ResumePoint(checkpoint: checkpoint, answered: answered, hosts: hosts)
        }
    }

    private func damaged(_ job: Int64) -> ServiceError { ServiceError("the store's checkpoint of job \(job) is damaged") }

    private static func pages(of job: Int64, _ db: Database) throws -> [ProbePage] {
        let rows = try Row.fetchCursor(db, sql: "SELECT page, data FROM checkpoint_pages WHERE job = ? ORDER BY page", arguments: [job])
        var pages: [ProbePage] = []
        while let row = try rows.next() {
            guard let page = ProbePage(number: row["page"], bytes: [UInt8](row["data"] as Data)) else {
                throw ServiceError("the store's checkpoint of job \(job) is damaged")
            }
            pages.append(page)
        }
        return pages
    }
}

extension CheckpointTable {
    /// The job's findings that came after the one with this id.
    static func findings(of job: Int64, after id: Int64, _ db: Database) throws -> [(target: Endpoint, state: TargetState)] {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT \(StoredFinding.columns) FROM findings \(try way(after: id, db)) WHERE id > ? AND job = ?",
            arguments: [id, job])
        var findings: [(target: Endpoint, state: TargetState)] = []
        while let row = try rows.next() {
            if let finding = StoredFinding(row: row) { findings.append((finding.endpoint, finding.state)) }
        }
        return findings
    }

    /// How many of them are in each state. One that a contradiction has made has no attempt, and its target had been counted before; so had that of
    /// one that contradicts an error, as filtered.
    static func states(of job: Int64, after id: Int64, _ db: Database) throws -> [TargetState: Int64] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT state, COUNT(*), COUNT(*) FILTER (WHERE conflict NOT GLOB 'syn-ack*' AND conflict NOT GLOB 'reset*')
                FROM findings \(try way(after: id, db))
                WHERE id > ? AND job = ? AND NOT (conflict IS NOT NULL AND attempt IS NULL) GROUP BY state
                """,
            arguments: [id, job])
        return rows.reduce(into: [:]) { states, row in
            guard let state = TargetState(rawValue: row[0]) else { return }
            states[state, default: 0] += row[1]
            if state != .filtered { states[.filtered, default: 0] -= row[2] }
        }
    }

    /// How SQLite finds them soonest: by their ids after a second's checkpoint, by the job where much has been found since.
    private static func way(after id: Int64, _ db: Database) throws -> String {
        let last = try Int64.fetchOne(db, sql: "SELECT ifnull(max(id), 0) FROM findings") ?? 0
        return last - id > 500_000 ? "INDEXED BY findings_targets" : "NOT INDEXED"
    }
}
