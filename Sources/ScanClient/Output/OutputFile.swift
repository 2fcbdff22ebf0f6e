import Glibc

/// A buffered writer over standard output or standard error.
///
/// Text is kept until 64 KiB have come together or `flush()` is called. A reader that has gone away (`| head`) shows as `OutputClosed`.
package final class OutputFile {
    /// Nobody reads any more (EPIPE).
    package struct OutputClosed: Error {
        package init() {}
    }
    /// The text could not be written, for another reason than that (a full disk, …).
    package struct OutputFailed: Error, CustomStringConvertible {
        package let errno: Int32

        package init(errno: Int32) {
            self.errno = errno
        }

        package var description: String { "cannot write the output: \(String(cString: strerror(errno)))" }
    }

    private static let bufferLimit = 65_536

    private let descriptor: Int32
    private var buffer: [UInt8] = []

    package init(descriptor: Int32) {
        self.descriptor = descriptor
        buffer.reserveCapacity(Self.bufferLimit + 4096)
    }

    /// Takes `text` as it is; whatever came from outside must have gone through `Escaping` before.
    package func write(_ text: String) throws {
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= Self.bufferLimit { try flush() }
    }

    package func write(_ bytes: some Sequence<UInt8>) throws {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferLimit { try flush() }
    }

    package func flush() throws {
        defer { buffer.removeAll(keepingCapacity: true) }
        var written = 0
        while written < buffer.count {
            let count = buffer.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count >= 0 {
                written += count
            } else {
                try recover(from: errno)
            }
        }
    }

    /// Waits where the descriptor is non-blocking (a terminal may be, when another program made it so), throws otherwise.
    private func recover(from code: Int32) throws {
        switch code {
        case EINTR:
            return
        case EAGAIN:
            var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&ready, 1, -1)
        case EPIPE:
            throw OutputClosed()
        default:
            throw OutputFailed(errno: code)
        }
    }
}
