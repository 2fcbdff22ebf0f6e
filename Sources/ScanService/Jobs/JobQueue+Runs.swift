import GRDB
import Logging
import ScanAPI
import ScanEngine

/// Whose turn it is, and what each job's state machine asks for.
extension JobQueue {
    /// How many jobs run side by side; sharing the rate between several comes with the queue's own issue.
    private static let places = 1

    /// Gives free places to those whose turn it is: what was running before, then first come, first served.
    func schedule() {
        while !isStopping, jobs.values.count(where: \.machine.isActive) < Self.places, let next = nextJob() { handle(.start, next) }
    }

    private func nextJob() -> Int64? {
        let waiting = jobs.values.filter(\.machine.wantsToRun)
        return (waiting.filter { $0.machine.state == .running }.map(\.record.id).min()) ?? waiting.map(\.record.id).min()
    }

    /// Tells a job's state machine and does what it says.
    @discardableResult
    func handle(_ input: JobStateMachine.Input, _ id: Int64) -> JobStateMachine.Action {
        guard let action = jobs[id]?.machine.handle(input) else { return .none }
        switch action {
        case .none, .refuse: break
        case .prepare: prepare(id)
        case .startRun: startRun(id)
        case .stopRun: jobs[id]?.run?.stop()
        case .end(let state, let reason): end(id, state, reason)
        case .suspend: suspend(id)
        case .leave: leave(id)
        }
        return action
    }

    private func prepare(_ id: Int64) {
        guard let record = jobs[id]?.record else { return }
        let resting = rest.resting(at: Self.steadySeconds)
        let choice = RunBuilder.PortChoice(preferred: record.sourcePort ?? longestRested(resting), resting: resting)
        let builder = builder
        Task {
            do {
                let prepared = try await WorkPools.run { try builder.prepare(record, choice) }
                jobs[id]?.run = prepared.run
                jobs[id]?.record.sourcePort = prepared.firstPort
                handle(.prepared, id)
            } catch {
                handle(.preparationFailed(Refusal(of: error).message), id)
            }
            wakeIfIdle()
        }
    }

    /// Where every block of the range rests, the one that has done so longest.
    private func longestRested(_ resting: Set<UInt16>) -> UInt16? {
        let blocks = builder.configuration.scan.sourcePorts.count / Int(SourcePortBlock.size)
        return resting.count >= blocks ? rest.longestRested : nil
    }

    private func startRun(_ id: Int64) {
        guard var job = jobs[id], let run = job.run else { return }
        let now = Timestamp(microseconds: WallClock.microseconds())
        let event: JobLine.Event = job.record.started == nil ? .started : .resumed
        job.record.state = .running
        job.record.started = job.record.started ?? now
        jobs[id] = job
        let record = job.record
        keep(JobLine(event, time: now, job: id, name: record.name)) { try record.update($0) }
        do {
            try run.start { end in
                Task { await self.runEnded(id, end) }
            }
        } catch {
            handle(.runFailed(error.message), id)
        }
        jobs[id]?.show()
    }

    private func runEnded(_ id: Int64, _ end: ScanEnd) {
        switch end {
        case .finished: handle(.runFinished, id)
        case .failed(let error, _): handle(.runFailed(error.message), id)
        case .stopped(let checkpoint):
            jobs[id]?.checkpoint = checkpoint
            handle(.runStopped, id)
        }
    }

    /// Stores a job's end behind its last findings; only then it shows.
    private func end(_ id: Int64, _ state: JobState, _ reason: String?) {
        guard let job = jobs[id] else { return }
        let now = Timestamp(microseconds: WallClock.microseconds())
        let record = job.ended(state, reason: reason, at: now)
        jobs[id]?.last = record
        release(id)
        let event: JobLine.Event =
            switch state {
            case .finished: .finished
            case .cancelled: .cancelled
            default: .failed
            }
        let line = JobLine(event, time: now, job: id, name: record.name, reason: reason, account: record.account)
        Task {
            do {
                try await recorder.perform(isKept: true) { db in
                    try record.update(db)
                    return ((), [line])
                }
            } catch {
                logger.error("The end of job \(id) could not be stored: \(error). It goes on at the next start.")
            }
            handle(.stored, id)
        }
    }

    /// Keeps where the run stood, for the next start. A run that had not begun leaves nothing to keep.
    private func suspend(_ id: Int64) {
        guard let job = jobs[id] else { return }
        release(id)
        guard let checkpoint = job.checkpoint else { return wakeIfIdle() }
        var record = job.record
        if let run = job.run { record.account.take(run) }
        let stored = record
        let now = Timestamp(microseconds: WallClock.microseconds())
        keep(JobLine(.paused, time: now, job: id, name: record.name, reason: "synscand stops")) { db in
            try stored.update(db)
            try stored.store(checkpoint, db)
        }
        wakeIfIdle()
    }

    /// Lets the run go, and its source ports rest.
    private func release(_ id: Int64) {
        guard let run = jobs[id]?.run else { return }
        jobs[id]?.record.account.take(run)
        jobs[id]?.run = nil
        if let first = jobs[id]?.record.sourcePort { rest.add(first, endedAt: Self.steadySeconds) }
    }

    private func leave(_ id: Int64) {
        if let last = jobs[id]?.last { jobs[id]?.record = last }
        jobs[id]?.show()
        jobs[id]?.endWatching()
        jobs[id] = nil
        schedule()
        wakeIfIdle()
    }

    /// Has a change made that must not get lost; nobody waits for it.
    private func keep(_ line: JobLine, _ change: @escaping @Sendable (Database) throws -> Void) {
        let logger = logger
        recorder.submit(
            RecordChange(isKept: true) { db in
                try change(db)
                return [line]
            } done: { outcome in
                if case .failure(let error) = outcome {
                    logger.error("\(line.event.rawValue) of job \(line.job ?? 0) could not be stored: \(error).")
                }
            })
    }
}
