import Glibc
package import Logging
import NIOPosix
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
        let store = try Store(directory: configuration.store.directory)
        defer { store.close() }
        let catalog = PortCatalog.ofThisMachine()
        let group = SystemGroup.id(of: configuration.control.group)
        let recorder = try Recorder(
            store: store, path: configuration.results.log, group: group,
            formatter: LineFormatter(hostname: Self.hostName, services: catalog.services), logger: logger)
        defer { recorder.stop() }
        let queue = JobQueue(
            configuration: configuration, store: store, recorder: recorder, scope: ScopeGuard(allowed: configuration.scope.allowed),
            logger: logger)
        let now = Timestamp(microseconds: WallClock.microseconds())
        let service = ControlService(
            configuration: configuration, configurationPath: configurationPath, store: store, recorder: recorder, queue: queue,
            catalog: catalog, started: now, group: group, logger: logger)
        let server = try ControlServer(service: service, logger: logger) { [self] in announce() }
        do {
            let resting = Timestamp(microseconds: now.microseconds - Int64(SourcePortRest.seconds * 1e6))
            await queue.restore(try store.liveJobs(), resting: try store.sourcePorts(usedSince: resting), now: now)
            try await serve(server, queue)
        } catch {
            throw ServiceError("\(error)")
        }
        logger.info("Stopped.")
    }

    /// Runs the services; they stop in reverse order, so that no client waits while the jobs are put away.
    private func serve(_ server: ControlServer, _ queue: JobQueue) async throws {
        let jobs = JobService(queue: queue, notifier: notifier, logger: logger)
        var quiet = logger
        quiet.logLevel = .critical
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: server), .init(service: jobs)], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        configuration.maximumGracefulShutdownDuration = Self.stopLimit
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch is CancellationError {
            logger.warning("Some clients were cut off.")
        }
    }

    private func announce() {
        logger.info("synscand \(Version.current) listens on \(configuration.control.socket) and writes \(configuration.results.log).")
        notifier.ready("listening on \(configuration.control.socket)")
    }

    private static func prepareProcess() {
        umask(0o077)
        signal(SIGPIPE, SIG_IGN)
        // Its meaning, reload, comes with the service's own issue; ended by it nobody wants the daemon.
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
