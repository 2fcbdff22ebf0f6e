import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import NIOPosix
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
        var quiet = logger
        quiet.logLevel = .warning
        // Not the framework's application: that looks at the clock each second, and an idle daemon shall sleep.
        let server = try HTTPServerBuilder.http1(configuration: .init(idleTimeout: Self.idleLimit)).buildServer(
            configuration: .init(
                address: .unixDomainSocket(path: path), availableConnectionsDelegate: .maximum(Self.connectionLimit, logger: quiet)),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: quiet
        ) { [quiet] request, writer, channel in
            let context = ControlContext(source: .init(channel: channel, logger: quiet))
            var response = await handlers.respond(to: request, context: context)
            response.headers[.date] = Self.httpDate
            response.headers[.server] = "synscand"
            do {
                try await writer.write(response: response.head, body: response.body)
            } catch {
                // The framework would answer some errors, behind the beginning of this answer.
                throw Unanswered(cause: error)
            }
        } onServerRunning: { _ in
            service.access.apply(service.settings.current.control)
            onListening()
        }
        defer { unlink(path) }
        try await Self.untilStopped { try await server.run() }
    }

    /// An answer could not be written; its connection closes.
    private struct Unanswered: Error {
        let cause: any Error
    }

    /// Now, as headers want it (RFC 9110 §5.6.7).
    private static var httpDate: String {
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let length = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        return String(decoding: text.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
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
