/// The ones' complement sum of 16-bit words (RFC 1071), kept unfolded so that parts can be added in any order. Larger words are added whole: what
/// they carry over is added to the lowest in the end, since 2^16 counts as 1.
struct InternetChecksum: Sendable, BitwiseCopyable {
    private var sum: UInt64

    init(_ sum: UInt64 = 0) {
        self.sum = sum
    }

    /// Adds bytes as big-endian words; an odd last byte is padded with zero.
    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset + 1 < bytes.count {
            sum &+= UInt64(bytes[offset]) &<< 8 | UInt64(bytes[offset + 1])
            offset += 2
        }
        if offset < bytes.count { sum &+= UInt64(bytes[offset]) &<< 8 }
    }

    /// Two words, or one in the low half.
    @inline(__always)
    mutating func add(_ words: UInt32) {
        sum &+= UInt64(words)
    }

    @inline(__always)
    mutating func add(_ words: UInt128) {
        let (high, low) = (UInt64(truncatingIfNeeded: words &>> 64), UInt64(truncatingIfNeeded: words))
        sum &+= high &>> 32 &+ high & 0xFFFF_FFFF &+ low &>> 32 &+ low & 0xFFFF_FFFF
    }

    /// The sum that the words as they lie in memory, the lower byte first, have (RFC 1071 §2 (B): it is the same but for the order of its bytes).
    var inMemoryOrder: UInt64 { UInt64((~folded).bigEndian) }

    /// The value for the header's checksum field.
    @inline(__always)
    var folded: UInt16 {
        // Each half is the sum of both, with the carry of the lower one in the upper.
        let once = sum &+ (sum &<< 32 | sum &>> 32)
        let words = UInt32(truncatingIfNeeded: once &>> 32)
        let twice = words &+ (words &<< 16 | words &>> 16)
        return ~UInt16(truncatingIfNeeded: twice &>> 16)
    }
}
