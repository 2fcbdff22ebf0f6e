import ScanAPI
import ScanEngine

/// A job that is not over, as the queue holds it.
struct LiveJob {
    var record: JobRecord
    var machine: JobStateMachine
    var run: ScanRun?
    /// Where the run stood when it was stopped.
    var checkpoint: ScanCheckpoint?
    /// The record of the end, which counts from when it is durable.
    var last: JobRecord?
    /// Those who follow it.
    var watchers: [Int: AsyncStream<Job>.Continuation] = [:]

    init(_ record: JobRecord) {
        self.record = record
        machine = JobStateMachine(record.state)
    }

    /// The job as clients see it now.
    var snapshot: Job {
        var record = record
        record.state = machine.state
        if let run { record.account.take(run) }
        var job = record.job
        if let run, machine.state == .running { job.progress = Progress(run.progress) }
        return job
    }

    /// The record of the job's end.
    func ended(_ state: JobState, reason: String?, at time: Timestamp) -> JobRecord {
        var record = record
        record.state = state
        record.reason = reason
        record.finished = time
        if let run { record.account.take(run) }
        if state != .finished { record.account.countRestAsUntested() }
        return record
    }

    /// Ends the streams of those who follow.
    func endWatching() {
        for watcher in watchers.values { watcher.finish() }
    }

    /// Shows everybody who follows how the job stands.
    func show() {
        guard !watchers.isEmpty else { return }
        let job = snapshot
        for watcher in watchers.values { watcher.yield(job) }
    }
}

extension Account {
    /// A job that ends early has never finished asking the targets that nothing is known of.
    fileprivate mutating func countRestAsUntested() {
        untested = max(0, targets - open - closed - filtered - down)
    }
}
