import CLinux
import Glibc
package import Logging
import NIOPosix
import PacketIO
import ScanAPI
import ScanEngine
import ServiceLifecycle
import UnixSignals

/// The daemon: puts the parts together, runs them until a signal ends it, and takes them down in order.
package struct Daemon: Sendable {
    private let configuration: Configuration
    private let configurationPath: String
    private let logger: Logger
    private let notifier = ServiceNotifier()

    /// systemd and the tests allow five seconds; what is not done by then is done at the next start.
    private static let stopLimit = Duration.seconds(4)

    package init(configuration: Configuration, path: String, logger: Logger) {
        self.configuration = configuration
        configurationPath = path
        self.logger = logger
    }

    /// Runs until SIGTERM or SIGINT. Throws when the daemon cannot start, or cannot go on.
    package func run() async throws(ServiceError) {
        if let missing = Privilege.missing() { throw ServiceError(missing) }
        Self.prepareProcess()
        let store = try Store(directory: configuration.store.directory, wait: waitForSpace())
        defer { store.close() }
        for words in store.findings { logger.error("\(words)") }
        let catalog = PortCatalog.ofThisMachine()
        let group = SystemAccounts.group(configuration.control.group)
        let settings = Settings(configuration)
        let audit = try AuditLog(path: configuration.control.auditLog, logger: logger)
        let recorder = try Recorder(
            store: store, path: configuration.results.log, group: group,
            formatter: LineFormatter(hostname: Self.hostName, services: catalog.services), auditLog: configuration.control.auditLog,
            minFree: { settings.current.results.minFree },
            logger: logger)
        defer { recorder.stop() }
        for sentence in configuration.scope.idleFiles { logger.warning("[scope] deny_files: \(sentence)") }
        if store.isReplacement { tellReplacement(of: store, recorder) }
        let (scope, brake) = (ScopeGuard(allowed: configuration.scope.allowed), Brake())
        let halt = try HaltSwitch(mark: HaltMark(directory: store.directory), brake: brake, logger: logger)
        let queue = JobQueue(
            settings: settings, store: store, recorder: recorder, scope: scope, brake: brake, halt: halt, logger: logger)
        let retention = Retention(settings: settings, store: store, recorder: recorder, logger: logger)
        let service = ControlService(
            settings: settings, configurationPath: configurationPath, store: store, recorder: recorder, queue: queue, scope: scope,
            halt: halt,
            retention: retention, audit: audit, catalog: catalog, started: JobQueue.now, group: group, logger: logger)
        let server = try ControlServer(service: service, logger: logger) { [self] in announce() }
        do {
            try store.checkInBackground()
            try await restore(queue, store, recorder, halt.halt)
            try await serve(server, queue, recorder, retention, service)
        } catch {
            throw ServiceError("\(error)")
        }
        logger.info("Stopped.")
    }

    /// For a store that cannot be opened for want of space: says so once, and lets it be tried again every second.
    private func waitForSpace() -> (String) -> Bool {
        var isTold = false
        return { words in
            if !isTold { logger.error("synscand waits: \(words). It starts when there is room.") }
            isTold = true
            notifier.waiting(words)
            sleep(1)
            return true
        }
    }

    /// Has the results log say that the jobs of before are not there any more.
    private func tellReplacement(of store: Store, _ recorder: Recorder) {
        let line = JobLine(.storeReplaced, time: JobQueue.now, job: nil, name: nil, reason: store.findings.joined(separator: " "))
        recorder.submit(RecordChange(isKept: true, apply: { _ in [line] }, done: { _ in }))
    }

    /// Lets the jobs go on that the last process left.
    private func restore(_ queue: JobQueue, _ store: Store, _ recorder: Recorder, _ halt: Halt?) async throws {
        let note = "\(store.directory)/crash"
        let deadly = CrashNote.take(note)
        try CrashNote.install(note)
        if let halt { logger.warning("Halted by user \(halt.uid) since \(halt.since): no packet leaves until synscan unhalt.") }
        let resumeWithin = configuration.limits.resumeWithin
        let gap = try await recorder.perform(isKept: true) { db in
            let settled = try Store.settleInterruption(deadly: deadly, resumeWithin: resumeWithin, now: Heartbeat.now(), db)
            return (settled.seconds, settled.lines)
        }
        if let gap { logger.warning("synscand was away for \(Int(gap)) s, longer than [limits] resume_within: the jobs are paused.") }
        let resting = Timestamp(microseconds: JobQueue.now.microseconds - Int64(SourcePortRest.seconds * 1e6))
        await queue.restore(try store.liveJobs(), resting: try store.sourcePorts(usedSince: resting))
    }

    /// Runs the services; they stop in reverse order, so that no client waits while the jobs are put away.
    private func serve(
        _ server: ControlServer, _ queue: JobQueue, _ recorder: Recorder, _ retention: Retention, _ service: ControlService
    ) async throws {
        let jobs = JobService(queue: queue, notifier: notifier, logger: logger)
        let pulse = PulseService(
            queue: queue, recorder: recorder, server: server, watchdog: Watchdog(eventLoops: server.eventLoops), notifier: notifier,
            logger: logger)
        let reload = ReloadService(service: service, notifier: notifier)
        var quiet = logger
        quiet.logLevel = .critical
        var configuration = ServiceGroupConfiguration(
            services: ([server, retention, pulse, reload, jobs] as [any Service]).map { .init(service: $0) },
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: quiet)
        configuration.maximumGracefulShutdownDuration = Self.stopLimit
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch is CancellationError {
            logger.warning("Some clients were cut off.")
        }
    }

    private func announce() {
        let configuration = configuration
        logger.info("synscand \(Version.current) listens on \(configuration.control.socket) and writes \(configuration.results.log).")
        let ports = configuration.scan.sourcePorts
        for line in ConnectionTracking.read(leavingOut: ports)?.advice(for: ports) ?? [] { logger.warning("\(line)") }
        notifier.ready("listening on \(configuration.control.socket)")
    }

    private static func prepareProcess() {
        umask(0o077)
        // Threads that hardly allocate would each keep an arena of their own.
        mallopt(M_ARENA_MAX, 2)
        // What large requests and jobs leave free goes back to the system at once, at any time: otherwise this limit grows to 32 MiB.
        mallopt(M_MMAP_THRESHOLD, 1 << 20)
        signal(SIGPIPE, SIG_IGN)
        // Until there is something to reload.
        signal(SIGHUP, SIG_IGN)
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            limit.rlim_cur = min(limit.rlim_max, 65_536)
            _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// Lets the jobs run until the daemon stops, then puts them away.
private struct JobService: Service {
    let queue: JobQueue
    let notifier: ServiceNotifier
    let logger: Logger

    func run() async throws {
        try? await gracefulShutdown()
        notifier.stopping()
        logger.info("Stopping: running jobs are kept and go on at the next start.")
        await queue.stop()
    }
}

/// Once a second: the heartbeat, the state for the service manager, and as long as all threads are at work, its watchdog.
private struct PulseService: Service {
    let queue: JobQueue
    let recorder: Recorder
    let server: ControlServer
    let watchdog: Watchdog
    let notifier: ServiceNotifier
    let logger: Logger

    /// A thread that was not seen for that long hangs; ns.
    private static let longestSilence: Int64 = 10_000_000_000
    /// How often the others are asked while there are no jobs, for an idle daemon shall sleep; ns.
    private static let idleInterval: Int64 = 25_000_000_000

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var (last, hanging, lastAsked) = ("", [String](), Int64.min / 2)
            while !Task.isCancelled {
                await queue.beat()
                server.look()
                let now = hang(await queue.silent(for: Self.longestSilence))
                if now.isEmpty { notifier.watchdog() }
                if now != hanging, !now.isEmpty { logger.critical("Silent for more than 10 s: \(now.joined(separator: ", ")).") }
                hanging = now
                if await !queue.isIdle || SteadyClock.nanoseconds() - lastAsked > Self.idleInterval {
                    watchdog.ask()
                    lastAsked = SteadyClock.nanoseconds()
                }
                let status = await queue.summary
                if status != last { notifier.status(status) }
                last = status
                await queue.rest()
            }
        }
    }

    /// Who hangs, besides those of the jobs.
    private func hang(_ ofJobs: [String]) -> [String] {
        let recorders = recorder.isAlive(within: Self.longestSilence) ? [] : ["the recorder"]
        return ofJobs + recorders + watchdog.silent(for: Self.longestSilence)
    }
}

/// Reloads the configuration on SIGHUP.
private struct ReloadService: Service {
    let service: ControlService
    let notifier: ServiceNotifier

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in await UnixSignalsSequence(trapping: .sighup) {
                notifier.reloading()
                await service.reloadForSignal()
                notifier.reloaded()
            }
        }
    }
}
