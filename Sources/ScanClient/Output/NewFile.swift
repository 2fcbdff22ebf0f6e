import Glibc

/// A file that is there whole or not at all: written beside its place under another name, readable for its owner alone, and put in place at the end.
package final class NewFile {
    private let path: String
    private let temporary: String
    private let replaces: Bool
    private let descriptor: Int32
    /// Bytes that were written.
    package private(set) var count = 0

    /// Throws `ClientError.usage` where there is such a file already, unless it is to be replaced, or none can be made.
    package init(_ path: String, replaces: Bool) throws {
        self.path = path
        self.replaces = replaces
        var status = stat()
        let isThere = lstat(path, &status) == 0
        if isThere, !replaces { throw Self.exists(path) }
        if isThere, status.st_mode & S_IFMT != S_IFREG {
            throw ClientError.usage("\(Escaping.forTerminal(path)) is there and is no regular file: choose another name.")
        }
        temporary = "\(path).part-\(getpid())"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { throw Self.failure(path, errno) }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unlink(temporary)
    }

    private static func exists(_ path: String) -> ClientError {
        .usage("\(Escaping.forTerminal(path)) is there already: choose another name, or give --force to replace it.")
    }

    private static func failure(_ path: String, _ code: Int32) -> ClientError {
        .usage("\(Escaping.forTerminal(path)) cannot be written: \(String(cString: strerror(code))).")
    }

    package func write(_ bytes: some Sequence<UInt8>) throws {
        let bytes = Array(bytes)
        var written = 0
        while written < bytes.count {
            let taken = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), bytes.count - written) }
            guard taken > 0 || errno == EINTR else { throw OutputFile.OutputFailed(errno: taken == 0 ? ENOSPC : errno) }
            written += max(0, taken)
        }
        count += written
    }

    /// Makes it durable and gives it its name.
    package func commit() throws {
        guard fsync(descriptor) == 0 else { throw OutputFile.OutputFailed(errno: errno) }
        // A link never takes another file's place; not every file system has them.
        let isPlaced =
            !replaces && (link(temporary, path) == 0 || errno != EEXIST && access(path, F_OK) != 0 && rename(temporary, path) == 0)
        guard isPlaced || replaces && rename(temporary, path) == 0 else {
            throw errno == EEXIST ? Self.exists(path) : Self.failure(path, errno)
        }
    }
}
