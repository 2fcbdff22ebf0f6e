import Glibc

/// A file that the command line names, read by the client: the daemon never opens a path that a client named.
package struct TextFile: Sendable {
    /// The most that is read, in bytes: a list of this size is more than the daemon takes in one request by default.
    package static let longest = 64 << 20

    /// What a dash stands for.
    package static let standardInputName = "standard input"

    /// The path, or `-` for standard input.
    package let path: String

    package init(_ path: String) {
        self.path = path
    }

    /// How messages name it.
    package var name: String {
        path == "-" ? Self.standardInputName : path
    }

    /// The whole text; invalid UTF-8 is replaced, so that the parser names the place.
    package func text() throws(ClientError) -> String {
        String(decoding: try bytes(), as: UTF8.self)
    }

    private func bytes() throws(ClientError) -> [UInt8] {
        let descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(errno) }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > Self.longest { throw tooLong }
        var result: [UInt8] = []
        result.reserveCapacity(min(max(0, Int(status.st_size)), Self.longest) + 1)
        while true {
            let count = try append(to: &result, from: descriptor)
            if count == 0 { return result }
            if result.count > Self.longest { throw tooLong }
        }
    }

    /// Reads once, at most 1 MiB, and returns how much came.
    private func append(to result: inout [UInt8], from descriptor: Int32) throws(ClientError) -> Int {
        var code: Int32 = 0
        let piece = [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
            var received = 0
            repeat { received = read(descriptor, buffer.baseAddress, buffer.count) } while received < 0 && errno == EINTR
            code = received < 0 ? errno : 0
            count = max(0, received)
        }
        guard code == 0 else { throw unreadable(code) }
        result += piece
        return piece.count
    }

    private func unreadable(_ code: Int32) -> ClientError {
        let reason = code == EISDIR ? "it is a folder, not a file" : String(cString: strerror(code))
        return .usage("Cannot read \(Escaping.forTerminal(name)): \(reason).")
    }

    private var tooLong: ClientError {
        .usage(
            "\(Escaping.forTerminal(name)) is longer than \(Self.longest >> 20) MiB, more than one job takes. "
                + "Merge its addresses into blocks (10.0.0.0/24), or split it into several jobs.")
    }
}
