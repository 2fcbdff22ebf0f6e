/// 4 KiB of a chunk's probe table, the piece in which checkpoints store it.
package struct ProbePage: Sendable, Equatable {
    /// Words of 32 positions each; the last page of a table has fewer.
    package static let words = 512

    /// Its place in the table, from 0.
    package let number: Int
    package let values: [UInt64]

    package init(number: Int, values: [UInt64]) {
        self.number = number
        self.values = values
    }

    /// Little-endian words.
    package var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: values.count * 8) { buffer, count in
            let target = UnsafeMutableRawBufferPointer(buffer)
            for (index, value) in values.enumerated() {
                target.storeBytes(of: value.littleEndian, toByteOffset: index * 8, as: UInt64.self)
            }
            count = values.count * 8
        }
    }

    /// Nil for bytes that `bytes` did not make.
    package init?(number: Int, bytes: [UInt8]) {
        guard number >= 0, bytes.count % 8 == 0, 8...Self.words * 8 ~= bytes.count else { return nil }
        self.number = number
        values = bytes.withUnsafeBytes { buffer in
            (0..<bytes.count / 8).map { UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
        }
    }
}
