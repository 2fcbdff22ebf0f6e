import ScanAPI
import ScanCore
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
    /// Whether a run of it has come to a checkpoint: then it is not to blame when the daemon dies.
    var isProven: Bool
    /// Whether it waits a little before it tries again.
    var isResting = false
    /// Whether its run has ended because nothing answers any more.
    var hasGivenUp = false
    /// Since when its run is under way, since when none has lasted, and whether the log's last word is that the job waits.
    var runningSince = ContinuousClock.now
    var troubledSince: ContinuousClock.Instant?
    var isToldWaiting = false
    /// Sleeps until the job's time is over.
    var deadline: Task<Void, Never>?
    /// Those who follow it.
    var watchers: [Int: Watcher] = [:]

    struct Watcher {
        /// Nil for the daemon's own.
        let uid: UInt32?
        let stream: AsyncStream<Job>.Continuation
    }

    init(_ record: JobRecord, isProven: Bool = false) {
        self.record = record
        self.isProven = isProven
        machine = JobStateMachine(record.state)
    }

    /// Its place among those that wait; nil when it does not.
    func turn(isLimited: Bool) -> TurnOrder.Turn? {
        guard machine.wantsToRun, !isResting else { return nil }
        return .init(
            id: record.id, uid: record.submitter.uid, isLimited: isLimited, priority: record.priority,
            wasInterrupted: machine.wasInterrupted)
    }

    /// The job as clients see it now.
    var snapshot: Job {
        var record = record
        record.state = machine.state
        if let run { record.account.take(run) }
        var job = record.job
        if let run, machine.state == .running {
            job.progress = Progress(run.progress)
            job.progress?.share = run.rate
        }
        return job
    }

    /// The record of the job's end. A job that finishes for a reason finishes before its time.
    func ended(_ state: JobState, reason: String?, at time: Timestamp) -> JobRecord {
        var record = record
        record.state = state
        record.reason = reason
        record.finished = time
        if let run { record.account.take(run) }
        if state != .finished || reason != nil { record.account.countRestAsUntested() }
        if record.account.untested == 0 { record.account.untestedReasons = nil }
        if hasGivenUp { record.account.goalReached = false }
        return record
    }

    /// Ends the streams of those who follow.
    func endWatching() {
        for watcher in watchers.values { watcher.stream.finish() }
    }

    /// Shows everybody who follows how the job stands.
    func show() {
        guard !watchers.isEmpty else { return }
        let job = snapshot
        for watcher in watchers.values { watcher.stream.yield(job) }
    }
}

extension Account {
    /// A job that ends early has never finished asking the targets that nothing is known of.
    fileprivate mutating func countRestAsUntested() {
        untested = max(0, targets - open - closed - filtered - down)
    }
}
