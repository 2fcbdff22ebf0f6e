/// A keyed bijection on 0 ..< count: where each position of the shuffled order points to, and back.
///
/// A Feistel network over a high half, 0 ..< ⌈count / 2^m⌉, and a low half of m bits, m being half the bits of count − 1: the rounds add modulo
/// the one and exclusive-or the other. Results outside the domain are put through again (cycle walking; Black & Rogaway, "Ciphers with Arbitrary
/// Finite Domains", 2002), but hardly any are: the network's domain is at most 2^m larger than the count, so one pass is all that is expected at
/// any count, also just above a power of two, where halves of whole bits take two. It shuffles; it is no cipher.
package struct Permutation: Sendable {
    /// 1 ... 2^63.
    package let count: UInt64
    private let lowBits: UInt64
    private let lowMask: UInt64
    /// How many values the high half has.
    private let highs: UInt64
    private let k0, k1, k2, k3: UInt64

    /// A count of 0 is taken as 1, one above 2^63 as 2^63.
    package init(count: UInt64, key: ScanKey) {
        let count = min(max(count, 1), 1 << 63)
        self.count = count
        lowBits = UInt64(64 - (count - 1).leadingZeroBitCount) / 2
        lowMask = (1 << lowBits) &- 1
        highs = (count - 1) >> lowBits + 1
        // The cookie uses the key's other half.
        (k0, k1) = (key.word(0), key.word(1))
        (k2, k3) = (Self.mix(k0 ^ 0x9E37_79B9_7F4A_7C15), Self.mix(k1 ^ 0xD1B5_4A32_D192_ED03))
    }

    /// The index at `position`; both in 0 ..< count.
    @inline(__always)
    package func index(at position: UInt64) -> UInt64 {
        var value = position
        repeat {
            var low = value & lowMask
            var high = value &>> lowBits
            high = sum(high, highPart(low, k0))
            low ^= lowPart(high, k1)
            high = sum(high, highPart(low, k2))
            low ^= lowPart(high, k3)
            value = high &<< lowBits | low
        } while value >= count
        return value
    }

    /// The position of `index`; both in 0 ..< count.
    @inline(__always)
    package func position(of index: UInt64) -> UInt64 {
        var value = index
        repeat {
            var low = value & lowMask
            var high = value &>> lowBits
            low ^= lowPart(high, k3)
            high = difference(high, highPart(low, k2))
            low ^= lowPart(high, k1)
            high = difference(high, highPart(low, k0))
            value = high &<< lowBits | low
        } while value >= count
        return value
    }

    /// Both below `highs`; so is the result.
    @inline(__always)
    private func sum(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let sum = left &+ right
        return sum >= highs ? sum &- highs : sum
    }

    @inline(__always)
    private func difference(_ left: UInt64, _ right: UInt64) -> UInt64 {
        left >= right ? left &- right : left &+ highs &- right
    }

    /// A number below `highs` that depends on the low half. The highest bits decide, and after one multiplication alone they would go up evenly.
    @inline(__always)
    private func highPart(_ low: UInt64, _ key: UInt64) -> UInt64 {
        (Self.product(low, key) &* 0xD1B5_4A32_D192_ED03).multipliedFullWidth(by: highs).high
    }

    /// A number of the low half's bits that depends on the high half.
    @inline(__always)
    private func lowPart(_ high: UInt64, _ key: UInt64) -> UInt64 {
        Self.product(high, key) & lowMask
    }

    @inline(__always)
    private static func product(_ half: UInt64, _ key: UInt64) -> UInt64 {
        let product = (half &+ key) &* 0x9E37_79B9_7F4A_7C15
        return product ^ product &>> 32
    }

    /// The finaliser of SplitMix64 (Steele, Lea & Flood, 2014).
    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ z &>> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z &>> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z &>> 31
    }
}
