import GRDB
import Glibc
package import Logging
import PacketIO
package import ScanAPI
package import ScanEngine
import ScanTargets

/// What the control interface can do, whoever asks and by whatever transport.
package struct ControlService: Sendable {
    let settings: Settings
    let configurationPath: String
    let store: Store
    let recorder: Recorder
    let queue: JobQueue
    let scope: ScopeGuard
    let halt: HaltSwitch
    let retention: Retention
    let audit: AuditLog
    let peers = PeerBook()
    /// Requests that are being worked on, streams among them.
    let work = CallerShares(each: 64, all: 1024)
    let catalog: PortCatalog
    let reader: RequestReader
    let planner: Planner
    let started: Timestamp
    /// The group of the socket, nil when there is none.
    let group: UInt32?
    let logger: Logger
    let auditBrake: AuditBrake
    private let reloader: Reloader
    /// Refused jobs, user by user, on their way into the results log.
    private let refusals: LineBrake<UInt32, JobLine>
    /// Who can connect to the socket.
    let access: SocketAccess

    package init(
        settings: Settings, configurationPath: String, store: Store, recorder: Recorder, queue: JobQueue, scope: ScopeGuard,
        halt: HaltSwitch,
        retention: Retention, audit: AuditLog, catalog: PortCatalog, started: Timestamp, group: UInt32?, logger: Logger
    ) {
        self.settings = settings
        self.configurationPath = configurationPath
        self.store = store
        self.recorder = recorder
        self.queue = queue
        self.scope = scope
        self.halt = halt
        self.retention = retention
        self.audit = audit
        auditBrake = AuditBrake(audit)
        self.catalog = catalog
        reader = RequestReader(settings: settings, catalog: catalog)
        planner = Planner(settings: settings, links: queue.links)
        self.started = started
        self.group = group
        self.logger = logger
        access = SocketAccess(path: settings.current.control.socket, group: group, logger: logger)
        refusals = LineBrake(burst: 20, perSecond: 1) { [recorder] line, more in Self.record(line, more, in: recorder) }
        reloader = Reloader(settings: settings, path: configurationPath, scope: scope)
    }

    /// What this one may do. Throws for those who may do nothing.
    package func role(of peer: Peer) throws(Refusal) -> Role {
        let control = settings.current.control
        if let role = control.roles.role(uid: peer.uid, groups: peer.groups, socketGroup: group) { return role }
        throw Refusal(
            .refused,
            "User \(peer.uid) may not use synscan: only root, the members of the group \(control.group) and those named in [control.roles] may."
        )
    }

    package func status(for asker: Asker) async throws -> DaemonStatus {
        let configuration = settings.current
        let scope = configuration.scope
        var status = DaemonStatus(
            version: Version.current, pid: getpid(), started: started, jobs: try await jobCounts(),
            maxRate: configuration.limits.maxRate,
            scopeAllow: scope.allowWords, scopeDeny: scope.denyWords + Scope.neverWords, resultsLog: configuration.results.log,
            store: configuration.store.directory, configuration: configurationPath, portRanking: catalog.ranking.source,
            auditLog: audit.path,
            role: asker.role)
        status.halted = halt.halt
        status.obstacle = recorder.obstacles.obstacle
        status.advice = try await WorkPools.run { [planner] in planner.advice }
        let notices = recorder.obstacles.notices
        if !notices.isEmpty { status.advice = (status.advice ?? []) + notices }
        return status
    }

    /// How many jobs are in each state; of those that are not over alone where the store's disk does not answer.
    private func jobCounts() async throws -> [String: Int] {
        if let counts = try await answer(within: Self.diskPatience, { [store] in try await store.jobCounts() }) { return counts }
        return await queue.counts
    }

    /// How long somebody who asks waits for a disk that is not needed for the answer.
    private static let diskPatience = Duration.seconds(1)

    package func plan(_ request: JobRequest, by asker: Asker) async throws -> Plan {
        let draft = try await reader.draft(request, for: asker.uid)
        return try await WorkPools.run(for: asker.uid) { try planner.plan(draft) }
    }

    /// Checks everything that can be wrong with a job before it is taken; then it is durable.
    package func submit(_ request: JobRequest, by asker: Asker) async throws -> Job {
        do {
            try checkPriority(request.priority, asker)
            let draft = try await reader.draft(request, for: asker.uid)
            try planner.checkScope(draft)
            _ = try await WorkPools.run(for: asker.uid) { try planner.ways(to: draft) }
            try await queue.checkPorts()
            return try await queue.submit(draft, by: asker.peer.submitter, limit: asker.limit(settings.current.limits.perUserQueued))
        } catch let refusal as Refusal where [.refused, .conflict, .limit].contains(refusal.kind) {
            tellRefused(request, refusal, asker)
            throw refusal
        }
    }

    private func checkPriority(_ priority: JobPriority?, _ asker: Asker) throws(Refusal) {
        guard priority == .high, asker.role < .admin else { return }
        throw Refusal(.refused, "The priority high is for admins: give normal or low, or ask one.")
    }

    private func tellRefused(_ request: JobRequest, _ refusal: Refusal, _ asker: Asker) {
        let name = request.name.flatMap { JobName.isValid($0) ? $0 : nil }
        let reason = refusal.message.shortened(to: Self.reasonBytes)
        let line = JobLine(.refused, time: JobQueue.now, job: nil, name: name, reason: reason)
        if let more = refusals.take(line, of: asker.uid) { Self.record(line, more, in: recorder) }
    }

    private static func record(_ line: JobLine, _ more: Int, in recorder: Recorder) {
        var line = line
        line.reason = LineBrake<UInt32, JobLine>.words(line.reason, more: more)
        recorder.submit(RecordChange(isKept: false, apply: { [line] _ in [line] }, done: { _ in }))
    }

    /// What of a refusal's reason the results log has.
    private static let reasonBytes = 1000

    /// The latest `limit` jobs, oldest first.
    package func jobs(limit: Int) async throws -> [Job] {
        let stored = try await store.latestJobs(limit)
        let live = await queue.liveJobs(of: stored.filter { !$0.state.isFinal }.map(\.id))
        var jobs: [Job] = []
        for record in stored {
            if record.state.isFinal {
                jobs.append(record.job)
            } else if let job = live[record.id] {
                jobs.append(job)
            } else if let ended = try await store.job(.id(record.id)) {
                // In between; and one that is not there any more was deleted.
                jobs.append(ended.job)
            }
        }
        return jobs
    }

    /// The job that `uid` means. Throws `Refusal` when there is no such job.
    package func job(_ reference: JobReference, for uid: UInt32) async throws -> Job {
        if case .id(let id) = reference, let live = await queue.job(id) { return live }
        guard let stored = try await store.job(reference, for: uid) else {
            throw switch reference {
            case .id(let id): Refusal(.notFound, "There is no job \(id).")
            case .name(let name): Refusal(.notFound, "There is no job called \(name).")
            case .owned(let uid, let name): Refusal(.notFound, "User \(uid) has no job called \(name).")
            }
        }
        if stored.state.isFinal { return stored.job }
        if let live = await queue.job(stored.id) { return live }
        // It has ended in between.
        return try await store.job(.id(stored.id))?.job ?? stored.job
    }

    /// Nil when the job is over.
    package func follow(_ job: Job, by asker: Asker) async throws -> AsyncStream<Job>? {
        guard !job.state.isFinal else { return nil }
        return try await queue.follow(job.id, uid: asker.uid, limit: asker.limit(settings.current.limits.perUserFollowers))
    }

    /// Pauses, resumes or cancels a job; another user's only for admins.
    package func steer(_ job: Job, _ input: JobStateMachine.Input, by asker: Asker) async throws -> Job {
        try checkOwner(job, asker)
        return try await queue.steer(input, job.id)
    }

    /// Changes a job's rate or priority.
    package func change(_ job: Job, _ change: JobChange, by asker: Asker) async throws -> Job {
        try checkOwner(job, asker)
        try checkPriority(change.priority, asker)
        guard change != JobChange() else { throw Refusal(.usage, "Nothing is to be changed: give a rate, a priority, or both.") }
        let most = settings.current.limits.maxRate
        if let rate = change.rate, !(1...most).contains(rate) {
            throw Refusal(.usage, "A rate of \(rate) probes a second was asked for: give 1 to \(most) ([limits] max_rate of this daemon).")
        }
        return try await queue.change(job.id, change)
    }

    /// Deletes a job with its findings; one that is not over is cancelled first.
    package func delete(_ job: Job, by asker: Asker) async throws -> Job {
        try checkOwner(job, asker)
        let last = job.state.isFinal ? job : try await cancelled(job)
        guard last.state.isFinal else { throw Refusal(.unavailable, "Job \(job.id) is still being cancelled: delete it in a moment.") }
        try await recorder.perform { db in
            try db.execute(sql: "UPDATE jobs SET deleted = 1 WHERE id = ?", arguments: [job.id])
            return ((), [])
        }
        retention.call()
        return last
    }

    /// The job as it ended, by this or by itself.
    private func cancelled(_ job: Job) async throws -> Job {
        do {
            return try await queue.steer(.cancel, job.id)
        } catch let refusal as Refusal where refusal.kind == .conflict {
            return try await self.job(.id(job.id), for: job.submittedBy.uid)
        }
    }

    private func checkOwner(_ job: Job, _ asker: Asker) throws(Refusal) {
        guard asker.role < .admin, asker.uid != job.submittedBy.uid else { return }
        throw Refusal(.refused, "Job \(job.id) is user \(job.submittedBy.uid)'s: only that user and admins may change it.")
    }

    // MARK: - The daemon as a whole

    /// Reads the configuration again. Throws, with nothing changed, when something is wrong with it.
    package func reload() async throws -> Reload {
        do {
            let reload = try await WorkPools.run { try reloader.reload() }
            access.apply(settings.current.control)
            peers.closeAll { (try? role(of: $0)) == nil }
            await queue.reconfigured()
            retention.call()
            for line in reload.changed { logger.notice("Reloaded \(line)") }
            for line in reload.needsRestart { logger.warning("Not taken over before a restart: \(line)") }
            return reload
        } catch {
            logger.error("The configuration was not reloaded: \(error).")
            throw Refusal(.conflict, "Nothing has changed: \(error).")
        }
    }

    /// Goes on in new files where the logs have been renamed.
    package func reopen() async throws -> Reopening {
        try await recorder.reopen()
        try await audit.reopen()
        return Reopening(resultsLog: settings.current.results.log, auditLog: audit.path)
    }

    /// Reads the configuration again because of a signal; that is a request like others, but nobody is known to have made it.
    package func reloadForSignal() async {
        var entry = AuditEntry(command: "reload")
        do {
            _ = try await reload()
            (entry.status, entry.reason) = (200, "SIGHUP")
        } catch {
            let refusal = Refusal(of: error)
            (entry.status, entry.reason) = (refusal.kind.httpStatus, "SIGHUP: \(refusal.message)")
        }
        audit.note(entry)
    }

    /// Stops all sending when this one may do that. What else a halt takes, `halt` does. Never blocks. Any thread.
    func brake(for peer: Peer) {
        guard let role = try? role(of: peer), role == .admin else { return }
        halt.stop(Halt(since: JobQueue.now, uid: peer.uid))
    }

    /// A copy of the store as it is now; one at a time.
    package func backup() async throws -> Store.Backup {
        let spare = settings.current.results.minFree
        do {
            return try await WorkPools.run { [store] in try store.backup(spare: spare) }
        } catch {
            throw Refusal(.unavailable, "No backup can be made: \(error).")
        }
    }

    /// Stops all sending, until `unhalt`.
    package func halt(by asker: Asker) async throws -> DaemonStatus {
        halt.stop(Halt(since: JobQueue.now, uid: asker.uid))
        logger.warning("Halted by user \(asker.uid): no packet leaves until synscan unhalt.")
        let outcome = await halt.kept(within: Self.diskPatience)
        await queue.haltChanged()
        switch outcome {
        case .kept: return try await status(for: asker)
        case .failed(let error):
            throw Refusal(.internal, "No packet leaves any more, but that would not outlast a restart: \(error).")
        case .late:
            throw Refusal(
                .internal,
                "No packet leaves any more, but that would not outlast a restart yet: the disk of the store does not answer. It is written when it does."
            )
        }
    }

    /// Lets packets leave again.
    package func unhalt(by asker: Asker) async throws -> DaemonStatus {
        do {
            try await halt.release(within: .seconds(10))
        } catch {
            throw Refusal(.internal, "Still halted: \(error).")
        }
        await queue.haltChanged()
        logger.notice("Packets may leave again, says user \(asker.uid).")
        return try await status(for: asker)
    }
}

/// What `body` gives, or nil when that takes longer than `limit`; then nobody waits for it any more.
func answer<Value: Sendable>(within limit: Duration, _ body: @escaping @Sendable () async throws -> Value) async throws -> Value? {
    let (stream, outcome) = AsyncStream.makeStream(of: Result<Value, any Error>?.self)
    let work = Task { outcome.yield(await Result.catching { try await body() }) }
    let patience = Task {
        try await Task.sleep(for: limit)
        work.cancel()
        outcome.yield(nil)
    }
    defer { patience.cancel() }
    for await first in stream { return try first?.get() }
    return nil
}

extension Result where Failure == any Error {
    static func catching(_ body: () async throws -> Success) async -> Result {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
}
