import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import ScanAPI

/// Responses of the control interface.
enum Answer {
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        document(try APICoding.encode(value), status: status)
    }

    /// `bytes` are JSON; a line feed is added for those who read it on a terminal.
    static func document(_ bytes: Data, status: HTTPResponse.Status = .ok) -> Response {
        var buffer = ByteBuffer(bytes: bytes)
        buffer.writeString("\n")
        return Response(
            status: status, headers: [.contentType: "application/json", .contentLength: String(buffer.readableBytes)],
            body: ResponseBody(byteBuffer: buffer))
    }

    static func refusal(_ refusal: Refusal, status: HTTPResponse.Status? = nil) -> Response {
        let bytes = (try? APICoding.encode(refusal)) ?? Data()
        return document(bytes, status: status ?? HTTPResponse.Status(code: refusal.kind.httpStatus))
    }

    /// The path exists, the method does not.
    static func wrongMethod(_ method: HTTPRequest.Method, _ path: String, allowed: [HTTPRequest.Method]) -> Response {
        let words = allowed.map(\.rawValue).sorted().joined(separator: ", ")
        let message = "\(RequestReader.shown(method.rawValue)) is not possible on \(RequestReader.shown(path)): use \(words)."
        var response = refusal(Refusal(.usage, message), status: .methodNotAllowed)
        response.headers[.allow] = words
        return response
    }

    /// The same response, after which the connection is closed, whatever the client still sends.
    static func closing(_ response: Response) -> Response {
        var headers = response.headers
        headers[.connection] = "close"
        let body = response.body
        return Response(
            status: response.status, headers: headers,
            body: ResponseBody { writer in
                try await body.write(writer)
                throw ConnectionIsOver()
            })
    }

    /// Thrown when the response has been written: the framework then closes the connection.
    private struct ConnectionIsOver: Error {}

    /// A copy of the store, piece by piece.
    static func file(_ backup: Store.Backup) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/vnd.sqlite3", .contentLength: String(backup.size), .cacheControl: "no-store"],
            body: ResponseBody(contentLength: Int(backup.size)) { writer in
                var offset: Int64 = 0
                while offset < backup.size {
                    let start = offset
                    let piece = try await WorkPools.run { try backup.read(at: start, count: 1 << 18) }
                    guard !piece.isEmpty else { throw ServiceError("the copy of the store has no end") }
                    offset += Int64(piece.count)
                    try await writer.write(ByteBuffer(bytes: piece))
                }
                try await writer.finish(nil)
            })
    }

    /// Lines of JSON, sent as they come.
    static func stream(_ write: @escaping @Sendable (inout any ResponseBodyWriter) async throws -> Void) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/x-ndjson", .cacheControl: "no-store"],
            body: ResponseBody { writer in
                try await write(&writer)
                try await writer.finish(nil)
            })
    }
}
