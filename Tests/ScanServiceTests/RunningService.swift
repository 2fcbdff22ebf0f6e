import Glibc
import Logging
import ScanAPI
import ScanEngine
import ScanService
import Testing

/// The control server over a store of its own, in this process. No test submits a job that would run: that needs root.
final class RunningService: Sendable {
    let directory: TemporaryDirectory
    let store: Store
    let socket: String
    private let recorder: Recorder
    private let service: ControlService
    private let queue: JobQueue
    private let task: Task<Void, any Error>
    private let server: ControlServer

    init() async throws {
        let directory = try TemporaryDirectory()
        let socket = directory.file("s")
        let toml = """
            [control]
            socket = "\(socket)"
            group = "no-such-group"
            audit_log = "\(directory.file("audit"))"
            [limits]
            max_request_bytes = 65536
            """
        let configuration = try Configuration(toml: toml, file: "c.toml")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        store = try Store(directory: directory.file("store"))
        recorder = try Recorder(store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter, logger: logger)
        let settings = Settings(configuration)
        let (scope, brake) = (ScopeGuard(allowed: configuration.scope.allowed), Brake())
        let halt = try HaltSwitch(mark: HaltMark(directory: store.directory), brake: brake, logger: logger)
        queue = JobQueue(settings: settings, store: store, recorder: recorder, scope: scope, brake: brake, halt: halt, logger: logger)
        let retention = Retention(settings: settings, store: store, recorder: recorder, logger: logger)
        let service = ControlService(
            settings: settings, configurationPath: directory.file("c.toml"), store: store, recorder: recorder, queue: queue, scope: scope,
            halt: halt, retention: retention, audit: try AuditLog(path: configuration.control.auditLog, logger: logger),
            catalog: .ofThisMachine(), started: Timestamp(microseconds: 0), group: getgid(), logger: logger)
        self.service = service
        let (listening, arrival) = AsyncStream.makeStream(of: Void.self)
        let server = try ControlServer(service: service, logger: logger) { arrival.finish() }
        self.server = server
        task = Task { try await server.run() }
        for await _ in listening {}
        self.directory = directory
        self.socket = socket
    }

    /// A second server on the same socket.
    func another() throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        _ = try ControlServer(service: service, logger: logger) {}
    }

    /// Has it looked whether its sockets are there.
    func look() { server.look() }

    /// What SIGHUP does.
    func reloadForSignal() async { await service.reloadForSignal() }

    func stop() async {
        await queue.stop()
        task.cancel()
        _ = await task.result
        recorder.stop()
        store.close()
    }
}
