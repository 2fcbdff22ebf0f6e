package import Logging
package import ScanAPI
package import ScanEngine

/// The table of jobs that are not over: it takes new ones, ends them, and shows them to those who ask. `JobQueue+Runs` makes them run.
package actor JobQueue {
    let store: Store
    let recorder: Recorder
    let builder: RunBuilder
    let logger: Logger
    var jobs: [Int64: LiveJob] = [:]
    var rest = SourcePortRest()
    private(set) var isStopping = false
    private var nextWatcher = 0
    private var ticker: Task<Void, Never>?
    private var ticks = 0
    private var waitingForIdle: [CheckedContinuation<Void, Never>] = []

    /// Running jobs are shown this often.
    private static let tick = Duration.milliseconds(200)
    /// So many ticks make ten seconds.
    private static let restingTicks = 50
    /// A stop does not wait longer than this for runs and store.
    private static let stopLimit = Duration.seconds(3)
    /// Nor does a cancellation's answer.
    private static let cancelLimit = Duration.seconds(2)

    package init(configuration: Configuration, store: Store, recorder: Recorder, scope: ScopeGuard, logger: Logger) {
        self.store = store
        self.recorder = recorder
        self.logger = logger
        builder = RunBuilder(configuration: configuration, store: store, recorder: recorder, scope: scope)
    }

    /// Takes over what the last process left: jobs that were running go on, queued ones wait. `ports` are the source ports of jobs that ended
    /// lately.
    package func restore(_ records: [JobRecord], resting ports: [(first: UInt16, end: Timestamp)], now: Timestamp) {
        for (first, end) in ports { rest.add(first, endedAt: Self.steadySeconds - max(0, now.seconds(since: end))) }
        for record in records { jobs[record.id] = LiveJob(record) }
        schedule()
    }

    /// Takes a new job whose draft has been checked: when this returns it is durable, and it starts when it is its turn.
    package func submit(_ draft: JobDraft, by submitter: Submitter) async throws -> Job {
        guard !isStopping else { throw Self.stopping }
        let new = draft.record(submitter, at: Timestamp(microseconds: WallClock.microseconds()))
        let selection = draft.selection
        let stored = try await recorder.perform { db in
            var record = new
            try record.insert(selection, db)
            return (record, [JobLine(.queued, time: record.submitted, job: record.id, name: record.name)])
        }
        let job = LiveJob(stored)
        if !isStopping {
            jobs[stored.id] = job
            schedule()
        }
        return job.snapshot
    }

    /// Throws when other programs have taken all source ports. Nothing is said while a job of ours holds some.
    package func checkPorts() async throws {
        guard !jobs.values.contains(where: \.machine.isActive) else { return }
        let builder = builder
        try await WorkPools.run { try builder.checkPorts() }
    }

    /// Ends a job and returns it as it then is; where that takes longer, it is still being cancelled. Throws `Refusal` when it has ended already.
    package func cancel(_ id: Int64) async throws -> Job {
        guard let stream = follow(id) else {
            throw isStopping ? Self.stopping : Refusal(.conflict, "Job \(id) cannot be cancelled: it has ended already.")
        }
        if case .refuse(let reason) = handle(.cancel, id) {
            throw Refusal(.conflict, "Job \(id) cannot be cancelled: \(reason).")
        }
        let last = await Self.lastJob(of: stream)
        guard let job = last ?? job(id) else { throw Refusal(.internal, "Job \(id) has gone.") }
        return job
    }

    /// The stream's last job, or the one that is current when the time is over.
    private static func lastJob(of stream: AsyncStream<Job>) async -> Job? {
        await withTaskGroup(of: Job?.self) { group in
            group.addTask {
                var last: Job?
                for await job in stream { last = job }
                return last
            }
            group.addTask {
                try? await Task.sleep(for: cancelLimit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            let second = await group.next() ?? nil
            return first ?? second
        }
    }

    /// Stops every run and keeps where it stood; returns when all of that is durable, or after some seconds.
    package func stop() async {
        isStopping = true
        for id in jobs.keys { handle(.suspend, id) }
        await idle()
        ticker?.cancel()
        for job in jobs.values { job.endWatching() }
        jobs = [:]
    }

    private func idle() async {
        let limit = Task {
            try? await Task.sleep(for: Self.stopLimit)
            wakeWaiting()
        }
        await withCheckedContinuation { continuation in
            waitingForIdle.append(continuation)
            wakeIfIdle()
        }
        limit.cancel()
    }

    /// Lets `stop` go on when no run is left.
    func wakeIfIdle() {
        if !jobs.values.contains(where: \.machine.isActive) { wakeWaiting() }
    }

    private func wakeWaiting() {
        for continuation in waitingForIdle { continuation.resume() }
        waitingForIdle = []
    }

    // MARK: - Showing

    /// The live job as it stands, nil when it is over or unknown.
    package func job(_ id: Int64) -> Job? { jobs[id]?.snapshot }

    /// All live jobs by id.
    package func liveJobs() -> [Int64: Job] { jobs.mapValues(\.snapshot) }

    /// The job now, at each change, and some times a second while it runs; ends after its final state. Nil when it is over or unknown.
    ///
    /// A slow reader misses what is between, never the last.
    package func follow(_ id: Int64) -> AsyncStream<Job>? {
        guard let job = jobs[id], !isStopping else { return nil }
        let (stream, watcher) = AsyncStream.makeStream(of: Job.self, bufferingPolicy: .bufferingNewest(8))
        let number = nextWatcher
        nextWatcher &+= 1
        watcher.onTermination = { [weak self] _ in
            Task { await self?.forget(number, of: id) }
        }
        jobs[id]?.watchers[number] = watcher
        watcher.yield(job.snapshot)
        startTicker()
        return stream
    }

    private func forget(_ watcher: Int, of id: Int64) {
        jobs[id]?.watchers[watcher] = nil
    }

    /// One timer for all that are followed; it ends when nobody follows.
    private func startTicker() {
        guard ticker == nil else { return }
        ticker = Task { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.tick)
                guard await self?.showRunning() == true else { return }
            }
        }
    }

    /// The others are shown now and then, so that a follower who has gone is noticed.
    private func showRunning() -> Bool {
        ticks &+= 1
        for job in jobs.values where job.run != nil || ticks.isMultiple(of: Self.restingTicks) { job.show() }
        if jobs.values.allSatisfy(\.watchers.isEmpty) { ticker = nil }
        return ticker != nil
    }

    static var stopping: Refusal { Refusal(.unavailable, "synscand is stopping: try again when it is back.") }

    static var steadySeconds: Double { Double(SteadyClock.nanoseconds()) / 1e9 }
}
