import Glibc
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle
import SystemPackage

/// Serves the control interface on its Unix socket until the service group shuts down.
package struct ControlServer: Service {
    private let service: ControlService
    private let lock: ProcessLock
    private let path: String
    private let logger: Logger
    private let onListening: @Sendable () -> Void

    private static let connectionLimit = 8192
    private static let idleLimit = TimeAmount.seconds(30)
    private static let farewell = Duration.milliseconds(500)

    /// Makes sure that no other daemon listens on the socket; the framework would take the socket from it. `onListening` is called when clients can
    /// connect.
    package init(service: ControlService, logger: Logger, onListening: @escaping @Sendable () -> Void) throws(ServiceError) {
        self.service = service
        self.logger = logger
        self.onListening = onListening
        path = service.settings.current.control.socket
        let directory = FilePath(path).removingLastComponent()
        guard access(directory.string, F_OK) == 0 else {
            throw ServiceError("the directory of the socket \(path) is not there: make it, or choose another [control] socket")
        }
        lock = try ProcessLock("\(path).lock", protecting: "the socket \(path)")
    }

    package func run() async throws {
        let handlers = ControlHandlers(service: service, bodies: RequestBodies(limit: service.settings.current.limits.maxRequestBytes))
        let responder = CallbackResponder<ControlContext> { request, context in await handlers.respond(to: request, context: context) }
        var quiet = logger
        quiet.logLevel = .warning
        let application = Application(
            responder: responder, server: .http1(configuration: .init(idleTimeout: Self.idleLimit)),
            configuration: .init(
                address: .unixDomainSocket(path: path), serverName: "synscand",
                availableConnectionsDelegate: .maximum(Self.connectionLimit, logger: quiet)),
            onServerRunning: { _ in
                service.access.apply(service.settings.current.control)
                onListening()
            }, logger: quiet)
        defer { unlink(path) }
        try await Self.untilStopped { try await application.run() }
    }

    /// Runs `body`; when the service group stops, clients have a moment to take their answers, and those that do not are cut off.
    private static func untilStopped(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await gracefulShutdown()
                try await Task.sleep(for: farewell)
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
