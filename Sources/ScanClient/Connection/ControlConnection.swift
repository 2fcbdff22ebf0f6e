package import FoundationEssentials
import Glibc
package import NIOCore
import NIOHTTP1
import NIOPosix
import ScanAPI

/// A connection to the daemon: HTTP/1.1 over its Unix socket, one request after another (RFC 9112).
///
/// Not `Sendable`: it belongs to the task that opened it.
package final class ControlConnection {
    /// An answer, as it came and as what it means.
    package struct Reply<Value> {
        package let bytes: Data
        package let value: Value
    }

    private typealias Pipeline = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// What may be too much for the daemon to read to its end.
    private static let largeBody = 1 << 20

    /// Answers that are not streams are small.
    private static let largestDocument = 256 << 20

    /// One event loop serves all connections and starts faster than one for each core; it ends with the process.
    private static let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private var inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    private let watch: SilenceWatch
    /// The daemon did not take a request to its end.
    private var isCutShort = false

    private init(
        inbound: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>, watch: SilenceWatch
    ) {
        self.inbound = inbound
        self.outbound = outbound
        self.watch = watch
    }

    /// Connects, hands the connection to `body` and closes it afterwards. A daemon that says nothing for long is told of by `tell`, and given up in the
    /// end.
    package static func open<Result>(
        _ socket: ControlSocketPath, silence: SilenceLimits = .standard, tell: @escaping @Sendable (String) -> Void = Console.note,
        _ body: (ControlConnection) async throws -> Result
    ) async throws -> Result {
        let pipeline = try await connect(socket, silence, tell)
        let watch = SilenceWatch(silence, tell: tell)
        watch.start(pipeline.channel)
        defer { watch.stop() }
        var outcome: Swift.Result<Result, any Error> = .failure(lost)
        // What the body came to counts; a daemon that closes first makes the closing here fail.
        try? await pipeline.executeThenClose { inbound, outbound in
            do {
                outcome = .success(
                    try await body(ControlConnection(inbound: inbound.makeAsyncIterator(), outbound: outbound, watch: watch)))
            } catch {
                outcome = .failure(watch.hasEnded ? watch.failure : isBreak(error) ? lost : error)
            }
        }
        return try outcome.get()
    }

    /// Whether the connection itself failed.
    private static func isBreak(_ error: any Error) -> Bool {
        error is IOError || error is ChannelError || error is NIOAsyncWriterError
    }

    /// Waits for a place where many others want to connect, too.
    private static func connect(
        _ socket: ControlSocketPath, _ silence: SilenceLimits, _ tell: @Sendable (String) -> Void
    ) async throws -> Pipeline {
        let start = ContinuousClock.now
        var isTold = false
        while true {
            if let pipeline = try await tryToConnect(socket) { return pipeline }
            let waited = ContinuousClock.now - start
            if waited >= silence.told, !isTold {
                isTold = true
                tell("synscan: so many want to connect to synscand that it has had no place for \(silence.told.components.seconds) s…")
            }
            guard waited < silence.limit else { throw SilenceWatch.failure(silence) }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Nil when there is no place at present.
    private static func tryToConnect(_ socket: ControlSocketPath) async throws -> Pipeline? {
        var failure: ClientError = lost
        for path in socket.attempts {
            do {
                return try await pipeline(to: path)
            } catch let error as IOError {
                if error.errnoCode == EAGAIN { return nil }
                failure = socket.failure(error.errnoCode)
            }
        }
        throw failure
    }

    private static func pipeline(to path: String) async throws -> Pipeline {
        try await ClientBootstrap(group: loop).connect(unixDomainSocketPath: path) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHTTPClientHandlers()
                return try Pipeline(wrappingChannelSynchronously: channel)
            }
        }
    }

    static var lost: ClientError {
        .unreachable("The connection to synscand broke off: it has stopped or was restarted. A job that it has accepted is kept.")
    }

    /// Sends `request` and reads the answer, a single JSON document.
    ///
    /// Throws the daemon's `Refusal` when it says no.
    package func reply<Value: Decodable>(to request: ControlRequest, as type: Value.Type) async throws -> Reply<Value> {
        try await send(request)
        try await acceptHead(of: request)
        let bytes = try await document()
        do {
            return Reply(bytes: bytes, value: try APICoding.decode(type, from: bytes))
        } catch let error as DecodingError {
            throw Self.misunderstood(request, error)
        }
    }

    /// Sends `request` and hands each line of the answer to `take` as it comes, until that returns `false`; then the connection is spent.
    package func lines(of request: ControlRequest, _ take: (ByteBufferView) throws -> Bool) async throws {
        try await send(request)
        try await acceptHead(of: request)
        var lines = LineSplitter()
        while let piece = try await nextPiece() {
            try lines.append(piece)
            while let line = lines.next() {
                guard try take(line) else { return }
            }
        }
        if !lines.rest.isEmpty { throw Self.lost }
    }

    /// Sends `request` and hands the answer to `take` piece by piece; returns when it has come to its end.
    package func pieces(of request: ControlRequest, _ take: (ByteBufferView) throws -> Void) async throws {
        try await send(request)
        try await acceptHead(of: request)
        while let piece = try await nextPiece() { try take(piece.readableBytesView) }
    }

    /// The error for an answer that is not what `request` is answered with.
    static func misunderstood(_ request: ControlRequest, _ error: any Error) -> ClientError {
        .misunderstood(
            "synscand's answer to \(request.method.rawValue) \(request.path) is not understood; client and daemon may be of different versions "
                + "(synscan --version, synscan status). \(Escaping.forTerminal(String(describing: error)))")
    }

    private func send(_ request: ControlRequest) async throws {
        var headers: HTTPHeaders = ["host": "localhost"]
        if request.method == .post || request.method == .patch {
            headers.add(name: "content-type", value: "application/json")
            headers.add(name: "content-length", value: String(request.body.count))
        }
        let method = HTTPMethod(rawValue: request.method.rawValue)
        var parts: [HTTPClientRequestPart] = [.head(.init(version: .http1_1, method: method, uri: request.path, headers: headers))]
        if !request.body.isEmpty { parts.append(.body(.byteBuffer(ByteBuffer(bytes: request.body)))) }
        parts.append(.end(nil))
        watch.begin()
        defer { watch.end() }
        do {
            try await outbound.write(contentsOf: parts)
        } catch  where Self.isBreak(error) {
            // A daemon that does not want all of it may have answered and closed already: what it said is read next.
            isCutShort = true
        }
    }

    /// Reads the answer's head; anything but success throws.
    private func acceptHead(of request: ControlRequest) async throws {
        do {
            try await readHead(of: request)
        } catch
            where isCutShort && !watch.hasEnded && request.body.count > Self.largeBody && !(error is Refusal)
            && !(error is CancellationError)
        {
            throw Refusal(
                .tooLarge,
                "synscand closed the connection while it was sent a request of \(Quantities.count(request.body.count)) bytes; "
                    + "merge the targets into blocks, or have [limits] max_request_bytes raised.")
        }
    }

    private func readHead(of request: ControlRequest) async throws {
        while let part = try await nextPart() {
            guard case .head(let head) = part else { continue }
            switch head.status.code {
            case 100..<200: continue
            case 200..<300: return
            default: throw try await refusal(head, request)
            }
        }
        throw Self.lost
    }

    private func refusal(_ head: HTTPResponseHead, _ request: ControlRequest) async throws -> any Error {
        let body = try await document()
        if let refusal = try? APICoding.decode(Refusal.self, from: body) { return refusal }
        let status = "\(head.status.code) \(Escaping.forTerminal(head.status.reasonPhrase))"
        return ClientError.misunderstood(
            "synscand answered \(request.method.rawValue) \(request.path) with \(status) and no reason; "
                + "it may be of another version than this client (synscan --version).")
    }

    private func document() async throws -> Data {
        var bytes = Data()
        while let piece = try await nextPiece() {
            bytes.append(contentsOf: piece.readableBytesView)
            guard bytes.count <= Self.largestDocument else {
                throw ClientError.misunderstood("What answers is no synscand: its answer does not end.")
            }
        }
        return bytes
    }

    /// The next piece of the body, `nil` at its end.
    private func nextPiece() async throws -> ByteBuffer? {
        while let part = try await nextPart() {
            switch part {
            case .head: continue
            case .body(let piece): return piece
            case .end: return nil
            }
        }
        throw Self.lost
    }

    private func nextPart() async throws -> HTTPClientResponsePart? {
        watch.begin()
        defer { watch.end() }
        do {
            let part = try await inbound.next()
            try Task.checkCancellation()
            if watch.hasEnded { throw watch.failure }
            return part
        } catch  where watch.hasEnded {
            throw watch.failure
        } catch HTTPParserError.invalidEOFState {
            throw Self.lost
        } catch is HTTPParserError {
            throw ClientError.misunderstood("What answers is no synscand: it does not speak HTTP.")
        }
    }
}
