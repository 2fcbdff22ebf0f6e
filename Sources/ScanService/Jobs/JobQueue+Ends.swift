import Logging
import ScanAPI
import ScanCore
import ScanEngine
import ScanTargets

/// How jobs end, and what becomes of the targets that they leave.
extension JobQueue {
    /// Stores a job's end behind its last findings and, where they are recorded, its untested targets; only then it shows.
    func end(_ id: Int64, _ state: JobState, _ reason: String?) {
        guard let job = jobs[id] else { return }
        let record = job.ended(state, reason: reason, at: job.record.ending?.finished ?? Self.now)
        let left = job.untestedReason(of: record)
        let checkpoint = job.checkpoint
        jobs[id]?.last = record
        jobs[id]?.checkpoint = nil
        jobs[id]?.deadline?.cancel()
        release(id)
        Task {
            do {
                if record.leavesRest, record.states.contains(.untested), record.account.untested > 0 {
                    try await keepEnding(record, checkpoint, hasGivenUp: job.hasGivenUp)
                    guard try await recordRest(of: record, left) else { return putOff(id) }
                }
                let stored = try await store(record, checkpoint)
                jobs[id]?.last = stored
            } catch {
                logger.error("The end of job \(id) could not be stored: \(error). It goes on at the next start.")
            }
            handle(.stored, id)
        }
    }

    /// Gives the record as it is stored, with what is counted only then.
    private func store(_ record: JobRecord, _ checkpoint: ScanCheckpoint?) async throws -> JobRecord {
        let event: JobLine.Event =
            switch record.state {
            case .finished: .finished
            case .cancelled: .cancelled
            default: .failed
            }
        let time = record.finished ?? Self.now
        return try await recorder.perform(isKept: true) { db in
            var record = record
            record.account.contradictions = try StoredFinding.contradictions(of: record.id, db)
            // What is left is what it does not know of.
            if let checkpoint, record.leavesRest { try CheckpointTable.store(checkpoint, of: record.id, db) }
            try record.update(db)
            return (record, [JobLine(event, time: time, of: record, account: record.account)])
        }
    }

    /// From here on the job ends so, whatever ends the daemon.
    private func keepEnding(_ record: JobRecord, _ checkpoint: ScanCheckpoint?, hasGivenUp: Bool) async throws {
        var ending = record
        ending.ending = JobRecord.Ending(
            state: record.state, reason: record.reason, finished: record.finished ?? Self.now, hasGivenUp: hasGivenUp)
        let kept = ending
        try await recorder.perform(isKept: true) { db in
            if let checkpoint { try CheckpointTable.store(checkpoint, of: kept.id, db) }
            try kept.storeEnding(db)
            return ((), [])
        }
    }

    /// So many targets are looked for at a time.
    private static let restBatch = 16_384

    /// Records what the job leaves, batch by batch, as fast as the recorder takes it; false when the daemon stops meanwhile. What has been recorded before
    /// is not recorded again.
    private func recordRest(of record: JobRecord, _ reason: Reason) async throws -> Bool {
        let sink = recorder.sink(job: record.id, name: record.name)
        let time = (record.finished ?? Self.now).microseconds
        let store = store
        var rest = try await WorkPools.run { try store.rest(of: record) }
        while true {
            let (targets, next) = try await WorkPools.run { [rest] in
                var next = rest
                return (next.next(Self.restBatch), next)
            }
            guard let targets else { return true }
            rest = next
            sink.deliver(
                targets.map { Observation(time: time, address: $0.address, port: $0.port, state: .untested, reason: reason) })
            repeat {
                guard !isStopping else { return false }
                if sink.isFull { try await Task.sleep(for: .milliseconds(5)) }
            } while sink.isFull
        }
    }

    /// The daemon stops: the end is stored after its next start.
    private func putOff(_ id: Int64) {
        active.remove(id)
        wakeIfIdle()
    }

    /// Ends a job that was about to when the last process ended.
    func endAgain(_ job: JobRecord) {
        guard let ending = job.ending else { return }
        jobs[job.id]?.hasGivenUp = ending.hasGivenUp ?? false
        if ending.state == .cancelled {
            handle(.cancel, job.id)
        } else {
            handle(.finish(ending.state, reason: ending.reason ?? ""), job.id)
        }
    }
}

extension LiveJob {
    /// Why the targets that the job leaves when it ends so are untested.
    fileprivate func untestedReason(of record: JobRecord) -> Reason {
        switch record.state {
        case .cancelled: .cancelled
        case .failed: .failed
        default: hasGivenUp ? .gaveUp : .deadline
        }
    }
}
