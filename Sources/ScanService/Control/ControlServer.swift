import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdCore
package import Logging
package import NIOCore
import NIOPosix
import ScanAPI
import ServiceLifecycle
import Synchronization
import SystemPackage

/// Serves the control interface on its Unix socket until the service group shuts down.
package struct ControlServer: Service {
    private let service: ControlService
    private let lock: ProcessLock
    private let path: String
    private let logger: Logger
    private let onListening: @Sendable () -> Void
    /// The memory for requests, shared by all sockets.
    private let bodies: RequestBodies

    /// The listeners' own event loop for root: no crowd at the socket keeps it busy.
    private let rootsLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    /// Told to look whether the sockets are still there.
    private let looks = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// So many connections those may have together who are no admins.
    private static let connectionLimit = 8192
    private static let idleLimit = TimeAmount.seconds(30)
    private static let farewell = Duration.milliseconds(500)

    /// Makes sure that no other daemon listens on the socket; the framework would take the socket from it. `onListening` is called when clients can
    /// connect.
    package init(service: ControlService, logger: Logger, onListening: @escaping @Sendable () -> Void) throws(ServiceError) {
        self.service = service
        self.logger = logger
        self.onListening = onListening
        bodies = RequestBodies(limit: service.settings.current.limits.maxRequestBytes)
        path = service.settings.current.control.socket
        let directory = FilePath(path).removingLastComponent()
        guard access(directory.string, F_OK) == 0 else {
            throw ServiceError("the directory of the socket \(path) is not there: make it, or choose another [control] socket")
        }
        lock = try ProcessLock("\(path).lock", protecting: "the socket \(path)")
    }

    /// The event loops that serve all sockets, for the watchdog.
    package var eventLoops: [any EventLoop] {
        Array(MultiThreadedEventLoopGroup.singleton.makeIterator()) + Array(rootsLoop.makeIterator())
    }

    /// Makes a socket again that somebody has deleted. Returns at once.
    package func look() { looks.continuation.yield() }

    package func run() async throws {
        let everybodys = Listener(
            server: self, path: path, loops: MultiThreadedEventLoopGroup.singleton,
            places: ConnectionPlaces(everybodys: Self.mostConnections)
        ) { service.access.apply(service.settings.current.control) }
        let roots = Listener(
            server: self, path: ControlSocket.rootsPath(beside: path), loops: rootsLoop,
            places: ConnectionPlaces(everybodys: 0)
        ) { chmod(ControlSocket.rootsPath(beside: path), 0o600) }
        defer {
            unlink(everybodys.path)
            unlink(roots.path)
            everybodys.handlers.end()
        }
        try await Self.untilStopped {
            try await withThrowingTaskGroup(of: Void.self) { group in
                if roots.isPossible { try await start(roots, in: &group) }
                try await start(everybodys, in: &group)
                onListening()
                await withGracefulShutdownHandler {
                    for await _ in looks.stream {
                        for listener in [everybodys, roots] where listener.isPossible && !listener.isThere {
                            await restart(listener, in: &group)
                        }
                    }
                } onGracefulShutdown: {
                    looks.continuation.finish()
                }
            }
        }
    }

    /// So many as the process may have, and descriptors left for everything else.
    private static var mostConnections: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return connectionLimit }
        return min(connectionLimit, max(64, Int(clamping: limit.rlim_cur) / 2))
    }

    /// Returns when it listens. Throws when it cannot.
    private func start(_ listener: Listener, in group: inout ThrowingTaskGroup<Void, any Error>) async throws {
        let (listening, arrival) = AsyncStream.makeStream(of: Result<Void, any Error>.self)
        group.addTask {
            do {
                try await listener.run { arrival.yield(.success(())) }
            } catch {
                // Told to whoever started it, or ends the daemon.
                guard case .enqueued = arrival.yield(.failure(error)) else { throw error }
            }
        }
        for await outcome in listening {
            arrival.finish()
            return try outcome.get()
        }
    }

    private func restart(_ listener: Listener, in group: inout ThrowingTaskGroup<Void, any Error>) async {
        do {
            try await start(listener, in: &group)
            logger.warning("The socket \(listener.path) was gone; it is made again.")
        } catch {
            logger.error("The socket \(listener.path) is gone and cannot be made again: \(error). It is tried again.")
        }
    }

    /// Serves one connection's request.
    fileprivate func answer(
        _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel, _ handlers: ControlHandlers
    ) async throws {
        var writer: ResponseWriter? = writer
        try await handlers.respond(to: request, on: channel) { response in
            var response = response
            response.headers[.date] = Self.httpDate
            response.headers[.server] = "synscand"
            do {
                try await writer.take()?.write(response: response.head, body: response.body)
            } catch {
                // The framework would answer some errors, behind the beginning of this answer.
                throw Unanswered(cause: error)
            }
        }
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

extension ControlServer {
    /// A socket that is listened at.
    fileprivate final class Listener: Sendable {
        let server: ControlServer
        let path: String
        private let loops: MultiThreadedEventLoopGroup
        private let places: ConnectionPlaces
        fileprivate let handlers: ControlHandlers
        private let giveAccess: @Sendable () -> Void
        /// The socket's file as it was made.
        private let made = Mutex<ino_t?>(nil)

        init(
            server: ControlServer, path: String, loops: MultiThreadedEventLoopGroup, places: ConnectionPlaces,
            giveAccess: @escaping @Sendable () -> Void
        ) {
            self.giveAccess = giveAccess
            self.server = server
            self.path = path
            self.loops = loops
            self.places = places
            handlers = ControlHandlers(service: server.service, bodies: server.bodies)
        }

        /// Whether an address takes so long a path (unix(7)).
        var isPossible: Bool { path.utf8.count <= ControlSocket.longestPath }

        /// Whether the socket's file is still the one that was made.
        var isThere: Bool { made.withLock { $0 != nil && $0 == inode } }

        private var inode: ino_t? {
            var status = stat()
            return lstat(path, &status) == 0 ? status.st_ino : nil
        }

        /// Not the framework's application: that looks at the clock each second, and an idle daemon shall sleep.
        func run(_ onListening: @escaping @Sendable () -> Void) async throws {
            var quiet = server.logger
            quiet.logLevel = .warning
            let (service, places) = (server.service, places)
            let configuration = HTTP1Channel.Configuration(
                additionalChannelHandlers: [ConnectionGate(service: service, places: places)],
                idleTimeout: ControlServer.idleLimit)
            let http = try HTTPServerBuilder.http1(configuration: configuration).buildServer(
                configuration: .init(
                    address: .unixDomainSocket(path: path), backlog: 4096,
                    availableConnectionsDelegate: .maximum(places.count, logger: quiet)),
                eventLoopGroup: loops, logger: quiet
            ) { [server, handlers] request, writer, channel in
                try await server.answer(request, writer, channel, handlers)
            } onServerRunning: { [self] _ in
                made.withLock { $0 = inode }
                giveAccess()
                onListening()
            }
            try await http.run()
        }
    }
}
