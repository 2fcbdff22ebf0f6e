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
    private let queue: JobQueue
    private let task: Task<Void, any Error>

    init() async throws {
        let directory = try TemporaryDirectory()
        let socket = directory.file("s")
        let toml = """
            [control]
            socket = "\(socket)"
            group = "no-such-group"
            [limits]
            max_request_bytes = 65536
            """
        let configuration = try Configuration(toml: toml, file: "c.toml")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        store = try Store(directory: directory.file("store"))
        recorder = try Recorder(store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter, logger: logger)
        queue = JobQueue(
            configuration: configuration, store: store, recorder: recorder, scope: ScopeGuard(allowed: configuration.scope.allowed),
            logger: logger)
        let service = ControlService(
            configuration: configuration, configurationPath: "c.toml", store: store, recorder: recorder, queue: queue,
            catalog: .ofThisMachine(), started: Timestamp(microseconds: 0), group: getgid(), logger: logger)
        let (listening, arrival) = AsyncStream.makeStream(of: Void.self)
        let server = try ControlServer(service: service, logger: logger) { arrival.finish() }
        task = Task { try await server.run() }
        for await _ in listening {}
        self.directory = directory
        self.socket = socket
    }

    /// A second server on the same socket.
    func another() throws {
        let configuration = try Configuration(toml: "[control]\nsocket = \"\(socket)\"", file: "c.toml")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let service = ControlService(
            configuration: configuration, configurationPath: "c.toml", store: store, recorder: recorder, queue: queue,
            catalog: .ofThisMachine(), started: Timestamp(microseconds: 0), group: nil, logger: logger)
        _ = try ControlServer(service: service, logger: logger) {}
    }

    func stop() async {
        await queue.stop()
        task.cancel()
        _ = await task.result
        recorder.stop()
        store.close()
    }
}
