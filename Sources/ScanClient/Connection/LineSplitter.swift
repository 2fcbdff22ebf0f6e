import Glibc
package import NIOCore

/// Cuts a body that arrives in pieces into its lines.
package struct LineSplitter {
    /// No line of a synscand is nearly as long.
    package static let longestLine = 16 << 20

    private var pending = ByteBuffer()

    package init() {}

    package mutating func append(_ piece: ByteBuffer) throws(ClientError) {
        if pending.readableBytes == 0 {
            pending = piece
        } else {
            pending.discardReadBytes()
            pending.writeImmutableBuffer(piece)
        }
        guard pending.readableBytes <= Self.longestLine + (1 << 20) else {
            throw .misunderstood("What answers is no synscand: it sent a line of more than \(Self.longestLine >> 20) MiB.")
        }
    }

    /// The next whole line without its line feed, or `nil` until more has come.
    package mutating func next() -> ByteBufferView? {
        let length = pending.withUnsafeReadableBytes { bytes -> Int? in
            guard let start = bytes.baseAddress, let end = memchr(start, Int32(UInt8(ascii: "\n")), bytes.count) else { return nil }
            return UnsafeRawPointer(end) - start
        }
        guard let length else { return nil }
        defer { pending.moveReaderIndex(forwardBy: length + 1) }
        return pending.viewBytes(at: pending.readerIndex, length: length)
    }

    /// What followed the last line feed; a body that ends cleanly leaves nothing.
    package var rest: ByteBufferView { pending.readableBytesView }
}
