import GRDB
import Logging
import PacketIO
import ScanAPI
import ScanEngine

/// Whose turn it is, and what each job's state machine asks for.
extension JobQueue {
    /// Gives free places to those whose turn it is.
    func schedule() {
        while !isStopping, holdReason == nil, let next = nextJob() { handle(.start, next) }
    }

    private func nextJob() -> Int64? {
        guard !turns.isEmpty else { return nil }
        let limits = settings.current.limits
        // An urgent job is not stuck behind long ones: there is one more place for those of high priority.
        let (hasPlace, hasUrgentPlace) = (active.count < limits.maxRunningJobs, active.count <= limits.maxRunningJobs)
        guard hasUrgentPlace else { return nil }
        let busy = usersAtTheirLimit(limits.perUserRunning)
        // Thousands of turns may be passed over here, so what costs least is asked first.
        return turns.first { turn in
            (hasPlace || turn.priority == .high) && !(turn.isLimited && busy.contains(turn.uid)) && isSafe(turn.id)
        }?.id
    }

    /// The users who have so many jobs running.
    private func usersAtTheirLimit(_ limit: Int) -> Set<UInt32> {
        var running: [UInt32: Int] = [:]
        for id in active { if let uid = jobs[id]?.record.submitter.uid { running[uid, default: 0] += 1 } }
        return Set(running.filter { $0.value >= limit }.keys)
    }

    /// Whether a job's submitter has limits: everybody who is no admin now.
    private func isLimited(_ submitter: Submitter) -> Bool {
        let roles = settings.current.control.roles
        return roles.role(uid: submitter.uid, groups: submitter.groups, socketGroup: builder.socketGroup) != .admin
    }

    /// A job that is suspected of bringing the daemon down starts alone among those that have not come to a checkpoint, so that no other gets the
    /// blame.
    private func isSafe(_ id: Int64) -> Bool {
        guard let job = jobs[id], !job.isProven else { return true }
        return active.allSatisfy { other in
            guard let other = jobs[other], !other.isProven else { return true }
            return job.record.deaths == 0 && other.record.deaths == 0
        }
    }

    /// Brings the order of turns and the set of active jobs up to date with a job.
    func refresh(_ id: Int64) {
        turns.set(jobs[id].flatMap { $0.turn(isLimited: isLimited($0.record.submitter)) }, for: id)
        if jobs[id]?.machine.isActive == true { active.insert(id) } else { active.remove(id) }
    }

    /// Tells a job's state machine and does what it says.
    @discardableResult
    func handle(_ input: JobStateMachine.Input, _ id: Int64) -> JobStateMachine.Action {
        guard let action = jobs[id]?.machine.handle(input) else { return .none }
        refresh(id)
        switch action {
        case .none, .refuse: break
        case .prepare: prepare(id)
        case .startRun: startRun(id)
        case .stopRun: jobs[id]?.run?.stop()
        case .note: note(id)
        case .park: park(id)
        case .retry(let reason): retry(id, reason)
        case .end(let state, let reason): end(id, state, reason)
        case .suspend: suspend(id)
        case .leave: leave(id)
        }
        return action
    }

    private func prepare(_ id: Int64) {
        guard let job = jobs[id] else { return }
        if !job.isProven { CrashNote.add(id) }
        let resting = rest.resting(at: Self.steadySeconds)
        let choice = RunBuilder.PortChoice(preferred: job.record.sourcePort ?? longestRested(resting), resting: resting)
        let (builder, recorder) = (builder, recorder)
        let record = job.record
        Task {
            do {
                // What its last run left may be on its way into the store still.
                if record.started != nil { try await recorder.perform(isKept: true) { _ in ((), []) } }
                let prepared = try await WorkPools.run { try builder.prepare(record, choice) }
                prepared.sink.whenKept { [weak self] in
                    Task {
                        await self?.prove(id)
                        await self?.noteRunLasts(id)
                    }
                }
                prepared.sink.whenObstacleChanges { [weak self] in Task { await self?.lookAtPath(id) } }
                jobs[id]?.run = prepared.run
                for refusal in prepared.run.linkRefusals { logger.notice("Job \(id) sends by \(prepared.run.linkWords), \(refusal)") }
                jobs[id]?.record.sourcePort = prepared.firstPort
                handle(.prepared, id)
            } catch {
                let message = Refusal(of: error).message
                handle(record.started != nil && Self.isOfThePath(error) ? .pathLost(message) : .preparationFailed(message), id)
            }
            wakeIfIdle()
        }
    }

    /// The job has come to a checkpoint.
    private func prove(_ id: Int64) {
        guard let job = jobs[id], !job.isProven else { return }
        CrashNote.remove(id)
        jobs[id]?.isProven = true
        jobs[id]?.record.deaths = 0
        schedule()
    }

    /// Where every block of the range rests, the one that has done so longest.
    private func longestRested(_ resting: Set<UInt16>) -> UInt16? {
        let blocks = settings.current.scan.sourcePorts.count / Int(SourcePortBlock.size)
        return resting.count >= blocks ? rest.longestRested : nil
    }

    private func startRun(_ id: Int64) {
        guard let job = jobs[id], let run = job.run else { return }
        let now = Self.now
        // Whether a run lasts that begins again is seen later.
        let event: JobLine.Event? = job.record.started == nil ? .started : job.troubledSince == nil ? .resumed : nil
        jobs[id]?.record.state = .running
        jobs[id]?.record.reason = nil
        jobs[id]?.record.started = job.record.started ?? now
        jobs[id]?.runningSince = .now
        keep(id, event, at: now)
        shareRate()
        do {
            try run.start { end in
                Task { await self.runEnded(id, end) }
            }
        } catch {
            handle(.runFailed(error.message), id)
        }
        if let reason = holdReason {
            jobs[id]?.record.reason = reason
            handle(.hold, id)
        }
        jobs[id]?.show()
    }

    private func runEnded(_ id: Int64, _ end: ScanEnd) {
        switch end {
        case .finished: handle(.runFinished, id)
        case .failed(let error, let checkpoint):
            jobs[id]?.checkpoint = checkpoint
            jobs[id]?.hasGivenUp = error.kind == .silence
            handle(Self.input(for: error), id)
        case .stopped(let checkpoint):
            jobs[id]?.checkpoint = checkpoint
            handle(.runStopped, id)
        }
        wakeIfIdle()
    }

    /// Divides the daemon's rate between the jobs that run.
    func shareRate() {
        let running = active.sorted().compactMap { id in jobs[id].flatMap { job in job.run.map { (job.record, $0) } } }
        let claims = running.map { RateShares.Claim(weight: $0.0.priority.weight, most: Double($0.0.rate)) }
        let shares = RateShares.divide(Double(settings.current.limits.maxRate), among: claims)
        for ((_, run), share) in zip(running, shares) { run.rate = share }
    }

    /// The state has changed while everything else stays.
    private func note(_ id: Int64) {
        guard let state = jobs[id]?.machine.state else { return }
        jobs[id]?.record.state = state
        if state == .queued { jobs[id]?.record.reason = nil }
        let event: JobLine.Event? =
            switch state {
            case .paused: .paused
            case .waiting: .waiting
            case .running: .resumed
            default: nil
            }
        keep(id, event, at: Self.now)
        jobs[id]?.show()
        schedule()
    }

    /// Keeps where a paused job's run stood, and makes way.
    private func park(_ id: Int64) {
        guard let state = jobs[id]?.machine.state else { return }
        jobs[id]?.record.state = state
        if jobs[id]?.record.state == .queued { jobs[id]?.record.reason = nil }
        putAway(id, state == .paused ? .paused : nil)
        jobs[id]?.show()
        schedule()
        wakeIfIdle()
    }

    /// Whether an error says that the network or a device has gone, which may come back.
    private static func isOfThePath(_ error: any Error) -> Bool {
        switch (error as? EngineError)?.kind {
        case .unroutable, .device: true
        default: false
        }
    }

    /// What the end of a run by this error means to its job.
    private static func input(for error: EngineError) -> JobStateMachine.Input {
        if error.kind == .silence { return .runGaveUp(error.message) }
        return isOfThePath(error) ? .pathLost(error.message) : .runFailed(error.message)
    }

    /// Keeps where the run stood, and tries again a little later.
    private func retry(_ id: Int64, _ reason: String) {
        jobs[id]?.record.state = .waiting
        if let job = jobs[id], job.troubledSince == nil || job.run != nil && .now - job.runningSince > Self.lastingRun {
            jobs[id]?.troubledSince = .now
        }
        let isLong = jobs[id]?.troubledSince.map { .now - $0 > Self.longTrouble } == true
        let isNews = isLong && jobs[id]?.isToldWaiting == false
        jobs[id]?.record.reason = reason
        jobs[id]?.isResting = true
        refresh(id)
        putAway(id, isNews ? .waiting : nil)
        jobs[id]?.show()
        Task {
            try? await Task.sleep(for: .seconds(1))
            jobs[id]?.isResting = false
            refresh(id)
            schedule()
        }
        schedule()
        wakeIfIdle()
    }

    /// A job that begins again at once, by a new route, say, has nothing to tell: the log hears that it waits when no run of it has lasted for so long,
    /// and then that it goes on.
    private static let longTrouble = Duration.seconds(3)
    private static let lastingRun = Duration.seconds(1)

    /// The job's run has come to another checkpoint.
    private func noteRunLasts(_ id: Int64) {
        guard let job = jobs[id], job.run != nil, job.troubledSince != nil, job.record.state == .running,
            .now - job.runningSince > Self.lastingRun
        else { return }
        jobs[id]?.troubledSince = nil
        if job.isToldWaiting { keep(id, .resumed, at: Self.now) }
    }

    /// Something keeps the job's run from going on, or does no more.
    private func lookAtPath(_ id: Int64) {
        guard holdReason == nil, let run = jobs[id]?.run else { return }
        jobs[id]?.record.reason = run.obstacle
        handle(run.obstacle == nil ? .release : .hold, id)
        jobs[id]?.show()
    }

    /// Keeps where the run stood, for the next start.
    private func suspend(_ id: Int64) {
        jobs[id]?.record.reason = "synscand stops"
        putAway(id, .paused)
        wakeIfIdle()
    }

    /// Lets the run go and stores its checkpoint. A run that had not begun leaves nothing to keep.
    private func putAway(_ id: Int64, _ event: JobLine.Event?) {
        release(id)
        guard let job = jobs[id] else { return }
        let (record, checkpoint) = (job.record, job.checkpoint)
        jobs[id]?.checkpoint = nil
        keep(id, event, at: Self.now) { db in
            if let checkpoint { try CheckpointTable.store(checkpoint, of: record.id, db) }
        }
    }

    /// Lets the run go, and its source ports rest.
    func release(_ id: Int64) {
        CrashNote.remove(id)
        guard let run = jobs[id]?.run else { return }
        jobs[id]?.record.account.take(run)
        jobs[id]?.run = nil
        // Closing a capture waits for the kernel.
        WorkPools.discard(run)
        if let first = jobs[id]?.record.sourcePort { rest.add(first, endedAt: Self.steadySeconds) }
        shareRate()
    }

    private func leave(_ id: Int64) {
        if let last = jobs[id]?.last { jobs[id]?.record = last }
        jobs[id]?.show()
        jobs[id]?.endWatching()
        jobs[id] = nil
        refresh(id)
        schedule()
        wakeIfIdle()
    }

    /// Stores the job's record, with what `change` does, and logs the event; nobody waits for it, and it is not lost.
    private func keep(
        _ id: Int64, _ event: JobLine.Event?, at time: Timestamp, _ change: @escaping @Sendable (Database) throws -> Void = { _ in }
    ) {
        guard let record = jobs[id]?.record else { return }
        if let event { jobs[id]?.isToldWaiting = event == .waiting }
        if event == .paused { jobs[id]?.troubledSince = nil }
        let logger = logger
        recorder.submit(
            RecordChange(isKept: true) { db in
                try record.update(db)
                try change(db)
                return event.map { [JobLine($0, time: time, job: id, name: record.name, reason: record.reason)] } ?? []
            } done: { outcome in
                if case .failure(let error) = outcome { logger.error("The state of job \(id) could not be stored: \(error).") }
            })
    }
}
