import GRDB

/// One transaction of the recorder: findings, changes, the outbox row with the exact bytes of their lines, and at times the mark.
struct RecordTransaction: Sendable {
    let entries: [RecordEntry]
    /// The last line before it.
    let seq: Int64
    let formatter: LineFormatter
    let mark: LogMark?

    struct Outcome: Sendable {
        var seq: Int64
        /// How each change went, in order.
        var outcomes: [Result<Void, any Error>] = []
    }

    /// Runs inside the transaction. Throws, so that everything is rolled back, when the store itself fails; a change that fails by itself is taken
    /// back alone.
    func run(_ db: Database, _ lines: inout LineBuffer) throws -> Outcome {
        var outcome = Outcome(seq: seq)
        var run = FindingRun()
        for entry in entries {
            switch entry {
            case .findings(let sink, let batch): run.append(batch, from: sink)
            case .hosts(let sink, let batch):
                for host in batch.map({ StoredHost($0) }) where try HostTable.insert(host, job: sink.job, db) {
                    outcome.seq += 1
                    formatter.append(host, seq: outcome.seq, job: sink.job, name: sink.name, zone: sink.zone, to: &lines)
                }
            case .untested(let sink, let set): try UntestedTable.add(set, job: sink.job, db)
            case .change(let change):
                try run.store(db) { append($0, $1, &outcome.seq, &lines) }
                outcome.outcomes.append(try apply(change, &outcome.seq, &lines, db))
            case .checkpoint(let sink, let checkpoint):
                try run.store(db) { append($0, $1, &outcome.seq, &lines) }
                try CheckpointTable.store(checkpoint, of: sink.job, db)
                try Heartbeat.now().store(db)
            case .reopen: break
            }
        }
        try run.store(db) { append($0, $1, &outcome.seq, &lines) }
        if outcome.seq > seq {
            try lines.withBytes { try LogTable.add($0, seqs: seq + 1...outcome.seq, db) }
        }
        if let mark { try LogTable.store(mark, db) }
        return outcome
    }

    private func append(_ new: FindingRun.New, _ sink: JobSink, _ seq: inout Int64, _ lines: inout LineBuffer) {
        seq += 1
        switch new {
        case .finding(let finding): formatter.append(finding, seq: seq, job: sink.job, name: sink.name, zone: sink.zone, to: &lines)
        case .conflict(let finding):
            formatter.append(finding, event: "conflict", seq: seq, job: sink.job, name: sink.name, zone: sink.zone, to: &lines)
        }
    }

    private func apply(
        _ change: RecordChange, _ seq: inout Int64, _ lines: inout LineBuffer, _ db: Database
    ) throws -> Result<Void, any Error> {
        do {
            var events: [JobLine] = []
            try db.inSavepoint {
                events = try change.apply(db)
                return .commit
            }
            for event in events {
                seq += 1
                formatter.append(event, seq: seq, to: &lines)
            }
            return .success(())
        } catch let error as DatabaseError where error.resultCode != .SQLITE_CONSTRAINT {
            // No space, no reading: SQLite may have rolled everything back already.
            throw error
        } catch {
            return .failure(error)
        }
    }
}
