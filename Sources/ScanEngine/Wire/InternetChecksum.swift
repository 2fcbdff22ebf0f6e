/// The ones' complement sum of 16-bit words (RFC 1071), kept unfolded so that parts can be added in any order.
struct InternetChecksum {
    private(set) var sum: UInt32

    init(_ sum: UInt32 = 0) {
        self.sum = sum
    }

    /// Adds bytes as big-endian words; an odd last byte is padded with zero. At most 128 KiB in all, so that the sum cannot overflow.
    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        while offset + 1 < bytes.count {
            sum &+= UInt32(bytes[offset]) &<< 8 | UInt32(bytes[offset + 1])
            offset += 2
        }
        if offset < bytes.count { sum &+= UInt32(bytes[offset]) &<< 8 }
    }

    @inline(__always)
    mutating func add(_ word: UInt16) {
        sum &+= UInt32(word)
    }

    @inline(__always)
    mutating func add(_ words: UInt32) {
        sum &+= words &>> 16 &+ words & 0xFFFF
    }

    @inline(__always)
    mutating func add(_ words: UInt128) {
        let (high, low) = (UInt64(truncatingIfNeeded: words &>> 64), UInt64(truncatingIfNeeded: words))
        add(UInt32(truncatingIfNeeded: high &>> 32))
        add(UInt32(truncatingIfNeeded: high))
        add(UInt32(truncatingIfNeeded: low &>> 32))
        add(UInt32(truncatingIfNeeded: low))
    }

    /// The value for the header's checksum field.
    @inline(__always)
    var folded: UInt16 {
        var folded = sum & 0xFFFF &+ sum &>> 16
        folded = folded & 0xFFFF &+ folded &>> 16
        return ~UInt16(truncatingIfNeeded: folded)
    }
}
