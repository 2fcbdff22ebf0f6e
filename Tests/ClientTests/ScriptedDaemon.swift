import Dispatch
import Glibc
import ScanClient
import Synchronization

/// A socket that answers each request with the next of some prepared bytes, whatever was asked; an empty answer closes the connection.
final class ScriptedDaemon: Sendable {
    struct Seen: Sendable {
        var connections = 0
        /// Request lines and bodies.
        var requests: [String] = []
    }

    let socket: ControlSocketPath
    private let listener: Int32
    private let path: String
    private let answers: Mutex<[String]>
    private let state = Mutex(Seen())
    private let isStopped = Atomic(false)

    var seen: Seen { state.withLock { $0 } }

    /// - Parameter socket: where another daemon was before; without it a new place.
    init(_ answers: [String], at socket: ControlSocketPath? = nil) throws {
        path = socket?.path ?? "/tmp/synscan-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
        self.socket = try ControlSocketPath(option: path, environment: { _ in nil })
        self.answers = Mutex(answers)
        listener = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
        guard listener >= 0, bound == 0, listen(listener, 8) == 0 else { throw ClientError.unreachable(String(cString: strerror(errno))) }
        DispatchQueue(label: "scripted daemon").async { [self] in accept() }
    }

    /// The thread that accepts closes the listener: closed here, its number could be the next daemon's while that thread still uses it. For the
    /// same reason a second stop does nothing.
    func stop() {
        guard !isStopped.exchange(true, ordering: .relaxed) else { return }
        shutdown(listener, Int32(SHUT_RDWR))
        unlink(path)
    }

    private func accept() {
        defer { close(listener) }
        while true {
            let connection = Glibc.accept(listener, nil, nil)
            guard connection >= 0 else { return }
            state.withLock { $0.connections += 1 }
            serve(connection)
            close(connection)
        }
    }

    private func serve(_ connection: Int32) {
        while let request = readRequest(connection) {
            state.withLock { $0.requests.append(request) }
            let answer = answers.withLock { $0.isEmpty ? "" : $0.removeFirst() }
            guard !answer.isEmpty else { return }
            let bytes = Array(answer.utf8)
            // Small pieces, as a busy machine may deliver them.
            for start in stride(from: 0, to: bytes.count, by: 50) {
                let piece = bytes[start..<min(start + 50, bytes.count)]
                let sent = piece.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
                guard sent > 0 else { return }
            }
            if !answer.contains("HTTP/1.1 200") || answer.contains("connection: close") || answer.hasSuffix("cut") { return }
        }
    }

    /// The request's first line and its body.
    private func readRequest(_ connection: Int32) -> String? {
        var text = ""
        while true {
            if let end = text.firstRange(of: "\r\n\r\n") {
                let head = text[..<end.lowerBound]
                let length = head.firstMatch(of: /content-length: ([0-9]+)/).flatMap { Int($0.1) } ?? 0
                let body = text[end.upperBound...]
                if body.utf8.count >= length { return String(head.prefix { $0 != "\r\n" }) + (length > 0 ? " \(body)" : "") }
            }
            let piece = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
                count = max(0, recv(connection, buffer.baseAddress, buffer.count, 0))
            }
            guard !piece.isEmpty else { return nil }
            text += String(decoding: piece, as: UTF8.self)
        }
    }
}

extension ScriptedDaemon {
    static func document(_ json: String, status: String = "200 OK") -> String {
        "HTTP/1.1 \(status)\r\ncontent-length: \(json.utf8.count)\r\n\r\n\(json)"
    }

    /// A stream in chunks of `size` bytes.
    ///
    /// - Parameter isLast: it says that the connection ends with it, as a daemon that stops does.
    static func stream(_ lines: [String], size: Int = 7, isLast: Bool = false) -> String {
        let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
        var text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\(isLast ? "connection: close\r\n" : "")\r\n"
        for start in stride(from: 0, to: bytes.count, by: size) {
            let piece = bytes[start..<min(start + size, bytes.count)]
            text += "\(String(piece.count, radix: 16))\r\n\(String(decoding: piece, as: UTF8.self))\r\n"
        }
        return text + "0\r\n\r\n"
    }

    /// A stream that breaks off within a chunk, after all of `lines`.
    static func cutStream(_ lines: [String]) -> String {
        stream(lines).dropLast("0\r\n\r\n".count) + "5\r\n{\"cut"
    }
}
