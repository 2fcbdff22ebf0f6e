import Glibc
package import Logging
package import ScanAPI
import ScanEngine
import ScanTargets

/// What the control interface can do, whoever asks and by whatever transport.
package struct ControlService: Sendable {
    let configuration: Configuration
    let configurationPath: String
    let store: Store
    let recorder: Recorder
    let queue: JobQueue
    let catalog: PortCatalog
    let reader: RequestReader
    let planner: Planner
    let started: Timestamp
    /// The group of the socket, nil when there is none: then only root may ask.
    let group: UInt32?
    let logger: Logger

    package init(
        configuration: Configuration, configurationPath: String, store: Store, recorder: Recorder, queue: JobQueue, catalog: PortCatalog,
        started: Timestamp, group: UInt32?, logger: Logger
    ) {
        self.configuration = configuration
        self.configurationPath = configurationPath
        self.store = store
        self.recorder = recorder
        self.queue = queue
        self.catalog = catalog
        reader = RequestReader(configuration: configuration, catalog: catalog)
        planner = Planner(configuration: configuration)
        self.started = started
        self.group = group
        self.logger = logger
    }

    /// Throws for those who may not use the socket, however they got hold of it.
    package func admit(_ peer: Peer) throws(Refusal) {
        if peer.isRoot { return }
        if let group, peer.groups.contains(group) { return }
        throw Refusal(
            .refused, "User \(peer.uid) may not use synscand: only root and the members of the group \(configuration.control.group) may.")
    }

    package func status() async throws -> DaemonStatus {
        let scope = configuration.scope
        return DaemonStatus(
            version: Version.current, pid: getpid(), started: started, jobs: try await store.jobCounts(),
            maxRate: configuration.limits.maxRate,
            scopeAllow: scope.allowWords, scopeDeny: scope.denyWords + Scope.neverWords, resultsLog: configuration.results.log,
            store: configuration.store.directory, configuration: configurationPath, portRanking: catalog.ranking.source)
    }

    package func plan(_ request: JobRequest) async throws -> Plan {
        let draft = try await reader.draft(request)
        return try await WorkPools.run { try planner.plan(draft) }
    }

    /// Checks everything that can be wrong with a job before it is taken; then it is durable.
    package func submit(_ request: JobRequest, by peer: Peer) async throws -> Job {
        let draft = try await reader.draft(request)
        do {
            try planner.checkScope(draft)
        } catch {
            tellRefused(request, error)
            throw error
        }
        _ = try await WorkPools.run { try planner.paths(to: draft) }
        try await queue.checkPorts()
        return try await queue.submit(draft, by: peer.submitter)
    }

    private func tellRefused(_ request: JobRequest, _ refusal: Refusal) {
        let line = JobLine(
            .refused, time: Timestamp(microseconds: WallClock.microseconds()), job: nil, name: request.name, reason: refusal.message)
        recorder.submit(RecordChange(isKept: false, apply: { _ in [line] }, done: { _ in }))
    }

    /// The latest `limit` jobs, oldest first.
    package func jobs(limit: Int) async throws -> [Job] {
        // In this order: a job that ends in between is found in its final state.
        let live = await queue.liveJobs()
        let stored = try await store.latestJobs(limit)
        return stored.map { live[$0.id] ?? $0.job }
    }

    /// Throws `Refusal` when there is no such job.
    package func job(_ reference: JobReference) async throws -> Job {
        if case .id(let id) = reference, let live = await queue.job(id) { return live }
        guard let stored = try await store.job(reference) else {
            throw switch reference {
            case .id(let id): Refusal(.notFound, "There is no job \(id).")
            case .name(let name): Refusal(.notFound, "There is no job called \(name).")
            }
        }
        if stored.state.isFinal { return stored.job }
        if let live = await queue.job(stored.id) { return live }
        // It has ended in between.
        return try await store.job(.id(stored.id))?.job ?? stored.job
    }

    /// Ends a job; another user's only for root.
    package func cancel(_ reference: JobReference, by peer: Peer) async throws -> Job {
        let job = try await job(reference)
        guard peer.isRoot || peer.uid == job.submittedBy.uid else {
            throw Refusal(.refused, "Job \(job.id) is user \(job.submittedBy.uid)'s: only that user and root may cancel it.")
        }
        return try await queue.cancel(job.id)
    }
}
