import GRDB
package import Logging
import PacketIO
package import ScanAPI
package import ScanCore
package import ScanEngine
package import ScanTargets

/// The table of jobs that are not over: it takes new ones, steers and ends them. `JobQueue+Runs` makes them run, `JobQueue+Holds` makes all of them
/// wait, `JobQueue+Showing` shows them to those who ask.
package actor JobQueue {
    let settings: Settings
    let store: Store
    let recorder: Recorder
    let builder: RunBuilder
    let halt: HaltSwitch
    let logger: Logger
    var jobs: [Int64: LiveJob] = [:]
    /// Those that wait for their turn.
    var turns = TurnOrder()
    /// Those that take a place.
    var active: Set<Int64> = []
    var rest = SourcePortRest()
    /// How many jobs of each user are being stored.
    private var arriving: [UInt32: Int] = [:]
    private(set) var isStopping = false

    /// What keeps results from being written.
    var obstacle: String?
    var lastBeat = Heartbeat.now()
    var lastStored = Heartbeat.now()
    /// What lets a daemon without jobs sleep; ended by a new one.
    var idleSleep: Task<Void, Never>?

    /// What the links of all jobs share.
    nonisolated let links = LinkPool()
    var nextWatcher = 0
    var followers: [UInt32: Int] = [:]
    var ticker: Task<Void, Never>?
    var ticks = 0
    private var waitingForIdle: [CheckedContinuation<Void, Never>] = []

    /// A stop does not wait longer than this for runs and store.
    private static let stopLimit = Duration.seconds(3)
    /// Nor does the answer to somebody who steers a job.
    private static let steeringLimit = Duration.seconds(2)

    package init(
        settings: Settings, store: Store, recorder: Recorder, scope: ScopeGuard, brake: Brake, halt: HaltSwitch, logger: Logger
    ) {
        self.halt = halt
        self.settings = settings
        self.store = store
        self.recorder = recorder
        self.logger = logger
        builder = RunBuilder(settings: settings, store: store, recorder: recorder, scope: scope, brake: brake, links: links)
    }

    /// Takes over what the last process left: jobs that were running go on, queued ones wait. `resting` are the source ports of jobs that ended lately.
    package func restore(_ leftovers: [Store.Leftover], resting ports: [(first: UInt16, end: Timestamp)]) {
        let now = Self.now
        for (first, end) in ports { rest.add(first, endedAt: Self.steadySeconds - max(0, now.seconds(since: end))) }
        for leftover in leftovers { adopt(LiveJob(leftover.record, isProven: leftover.isProven)) }
        for leftover in leftovers where leftover.record.deaths >= Self.deadlyDeaths {
            logger.error(
                "Job \(leftover.record.id) has stopped the daemon \(leftover.record.deaths) times before its first checkpoint: it has failed."
            )
            handle(.finish(.failed, reason: "stopped the daemon"), leftover.record.id)
        }
        for leftover in leftovers { endAgain(leftover.record) }
        recorder.obstacles.listen { [weak self] in
            Task { await self?.meetObstacle() }
        }
        halt.listen { [weak self] in
            Task { await self?.haltChanged() }
        }
        holdOrGoOn()
    }

    /// So often a job may bring the daemon down before its first checkpoint.
    private static let deadlyDeaths = 3

    private func adopt(_ job: LiveJob) {
        let id = job.record.id
        if jobs.isEmpty {
            lastBeat = Heartbeat.now()
            idleSleep?.cancel()
        }
        jobs[id] = job
        if let deadline = job.record.deadline { jobs[id]?.deadline = sleeper(until: deadline, id) }
        refresh(id)
    }

    private func sleeper(until deadline: Timestamp, _ id: Int64) -> Task<Void, Never> {
        Task { [weak self] in
            // In pieces, because the time of day can be set.
            while case let rest = deadline.seconds(since: Self.now), rest > 0 {
                try? await Task.sleep(for: .seconds(min(rest, 60)))
                if Task.isCancelled { return }
            }
            await self?.handle(.finish(.finished, reason: "its deadline has passed"), id)
        }
    }

    // MARK: - Submitting

    /// Takes a new job whose draft has been checked: when this returns it is durable, and it starts when it is its turn. `limit` is how many more than
    /// this the submitter's jobs that wait must not be, nil for none.
    package func submit(_ draft: JobDraft, by submitter: Submitter, limit: Int?) async throws -> Job {
        let selection = draft.selection
        return try await take(draft.record(submitter, at: Self.now), limit: limit) { record, db in try record.insert(selection, db) }
    }

    /// Likewise a job over what another one, whose selection this is, has left untested.
    package func retry(_ record: JobRecord, _ selection: TargetSelection, _ chosen: ChosenTargets, limit: Int?) async throws -> Job {
        try await take(record, limit: limit) { record, db in
            try record.insert(selection, db)
            try UntestedTable.choose(chosen, job: record.id, db)
        }
    }

    private func take(
        _ new: JobRecord, limit: Int?, _ insert: @escaping @Sendable (inout JobRecord, Database) throws -> Void
    ) async throws -> Job {
        let submitter = new.submitter
        guard !isStopping else { throw Self.stopping }
        if let limit, waitingCount(of: submitter.uid) >= limit {
            throw Refusal(
                .limit,
                "User \(submitter.uid) has \(limit) jobs waiting already ([limits] per_user_queued): wait for one of them, or delete one.")
        }
        arriving[submitter.uid, default: 0] += 1
        defer { arriving[submitter.uid, default: 1] -= 1 }
        let most = limit == nil ? nil : settings.current.store.maxSize / 2
        let stored = try await recorder.perform { db in
            var record = new
            try insert(&record, db)
            if let most { try record.checkShare(of: most, db) }
            // An idle daemon has not stored that it is alive; a job that has just been submitted has not been interrupted for long.
            try Heartbeat.now().store(db)
            return (record, [JobLine(.queued, time: record.submitted, of: record)])
        }
        let job = LiveJob(stored)
        if !isStopping {
            adopt(job)
            schedule()
        }
        return jobs[stored.id]?.snapshot ?? job.snapshot
    }

    /// How many of a user's jobs are not over and not active.
    private func waitingCount(of uid: UInt32) -> Int {
        jobs.values.count { $0.record.submitter.uid == uid && !$0.machine.isActive } + arriving[uid, default: 0]
    }

    /// Throws when other programs have taken all source ports. Nothing is said while a job of ours holds some.
    package func checkPorts() async throws {
        guard active.isEmpty else { return }
        let builder = builder
        try await WorkPools.run { try builder.checkPorts() }
    }

    // MARK: - Steering

    /// Pauses, resumes or cancels a job and returns it as it then is; where that takes longer, it is still on its way there. Throws `Refusal` when
    /// it cannot be.
    package func steer(_ input: JobStateMachine.Input, _ id: Int64) async throws -> Job {
        guard let stream = watch(id, uid: nil) else {
            throw isStopping ? Self.stopping : Refusal(.conflict, "Job \(id) cannot be changed: it has ended already.")
        }
        if case .refuse(let reason) = handle(input, id) {
            throw Refusal(.conflict, "Job \(id) cannot be changed: \(reason).")
        }
        let isThere: @Sendable (Job) -> Bool =
            switch input {
            case .pause: { $0.state == .paused || $0.state.isFinal }
            case .resume: { $0.state != .paused }
            default: { $0.state.isFinal }
            }
        guard let job = await Self.job(of: stream, until: isThere) ?? jobs[id]?.snapshot else {
            throw Refusal(.internal, "Job \(id) has gone.")
        }
        return job
    }

    /// Changes rate or priority of a job and returns it when that is durable. Throws `Refusal` when it is over.
    package func change(_ id: Int64, _ change: JobChange) async throws -> Job {
        guard !isStopping else { throw Self.stopping }
        let ended = Refusal(.conflict, "Job \(id) cannot be changed: it has ended already.")
        guard let before = jobs[id]?.record else { throw ended }
        // At once in memory: whatever else is stored of the job meanwhile has the new values, too.
        let new = JobChange(rate: change.rate ?? before.rate, priority: change.priority ?? before.priority)
        apply(new, to: id)
        do {
            try await recorder.perform { db in
                try db.execute(
                    sql: "UPDATE jobs SET rate = ?, priority = ? WHERE id = ?", arguments: [new.rate, new.priority?.rawValue, id])
                return ((), [])
            }
        } catch {
            apply(JobChange(rate: before.rate, priority: before.priority), to: id)
            throw error
        }
        guard let job = jobs[id]?.snapshot else { throw ended }
        return job
    }

    private func apply(_ change: JobChange, to id: Int64) {
        if let rate = change.rate {
            jobs[id]?.record.rate = rate
            jobs[id]?.record.account.rate = Int64(rate)
        }
        if let priority = change.priority { jobs[id]?.record.priority = priority }
        refresh(id)
        shareRate()
        schedule()
        jobs[id]?.show()
    }

    /// The first job of the stream that `isThere`, or the one that is current when the time is over.
    private static func job(of stream: AsyncStream<Job>, until isThere: @escaping @Sendable (Job) -> Bool) async -> Job? {
        await withTaskGroup(of: Job?.self) { group in
            group.addTask {
                var last: Job?
                for await job in stream {
                    last = job
                    if isThere(job) { return job }
                }
                return last
            }
            group.addTask {
                try? await Task.sleep(for: steeringLimit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            let second = await group.next() ?? nil
            return first ?? second
        }
    }

    /// Takes over what of a reloaded configuration concerns jobs.
    package func reconfigured() {
        for id in jobs.keys { refresh(id) }
        shareRate()
        schedule()
    }

    // MARK: - Stopping

    /// Stops every run and keeps where it stood; returns when all of that is durable, or after some seconds.
    package func stop() async {
        isStopping = true
        for id in Array(jobs.keys) { handle(.suspend, id) }
        await idle()
        ticker?.cancel()
        for job in jobs.values {
            job.deadline?.cancel()
            job.endWatching()
        }
        jobs = [:]
        keepHeartbeat()
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
        if active.isEmpty { wakeWaiting() }
    }

    private func wakeWaiting() {
        for continuation in waitingForIdle { continuation.resume() }
        waitingForIdle = []
    }

    static var stopping: Refusal { Refusal(.unavailable, "synscand is stopping: try again when it is back.") }

    static var steadySeconds: Double { Double(SteadyClock.nanoseconds()) / 1e9 }

    static var now: Timestamp { Timestamp(microseconds: WallClock.microseconds()) }
}
