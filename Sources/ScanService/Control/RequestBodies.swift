import FoundationEssentials
import Hummingbird
import NIOCore
import ScanAPI

/// Reads request bodies with bounded memory and within bounded time, and decodes them off the event loops.
struct RequestBodies: Sendable {
    let limit: Int
    private let budget: BodyBudget

    /// Bodies up to this size are read without waiting for their share.
    private static let smallBody = 1 << 16
    /// From the head to the end of the body, the wait for memory included.
    private static let timeLimit = TimeAmount.seconds(60)

    init(limit: Int) {
        self.limit = limit
        let share = max(limit, Self.smallBody)
        budget = BodyBudget(capacity: 2 * share, share: share)
    }

    /// Whether the request says that its body can be read without waiting for a share.
    static func isSmall(_ request: Request) -> Bool {
        request.headers[.contentLength].flatMap { Int($0) }.map { $0 <= smallBody } ?? false
    }

    /// Reads a user's request's body and hands it on, holding its memory until `use` is done. Throws `Refusal`.
    func reading<Body: RequestBody, Value: Sendable>(
        _ type: Body.Type, of request: Request, on channel: any Channel, by uid: UInt32,
        _ use: @escaping @Sendable (Body) async throws -> Value
    ) async throws -> Value {
        let length = request.headers[.contentLength].flatMap { Int($0) }
        if let length, length > limit { throw tooLarge }
        let read: @Sendable () async throws -> Value = {
            let bytes = try await bytes(of: request, channel)
            let decoded = try await WorkPools.run(for: uid) { try RequestDecoder.decode(Body.self, Data(bytes.readableBytesView)) }
            return try await use(decoded)
        }
        if let length, length <= Self.smallBody { return try await read() }
        defer { SpareMemory.giveBackSoon() }
        return try await budget.reserving(length ?? limit, for: uid, read)
    }

    private func bytes(of request: Request, _ channel: any Channel) async throws -> ByteBuffer {
        let deadline = channel.eventLoop.scheduleTask(in: Self.timeLimit) { channel.close(promise: nil) }
        defer { deadline.cancel() }
        var bytes = ByteBuffer()
        do {
            for try await piece in request.body {
                guard bytes.readableBytes + piece.readableBytes <= limit else { throw tooLarge }
                bytes.writeImmutableBuffer(piece)
            }
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw Refusal(.usage, "The request's body broke off.")
        }
        return bytes
    }

    private var tooLarge: Refusal {
        Refusal(
            .tooLarge,
            "The request is larger than \(limit) bytes ([limits] max_request_bytes): merge the targets into blocks or ranges, or submit several jobs."
        )
    }
}
