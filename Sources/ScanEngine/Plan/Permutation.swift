/// A keyed bijection on 0 ..< count: where each position of the shuffled order points to, and back.
///
/// A Feistel network whose two halves have ⌊b/2⌋ and ⌈b/2⌉ bits, b being the bits of count − 1, with cycle walking: results outside the
/// domain are put through again (Black & Rogaway, "Ciphers with Arbitrary Finite Domains", 2002). The network's domain is less than twice
/// the count, so fewer than two passes are expected at any count. It shuffles; it is no cipher.
package struct Permutation: Sendable {
    /// 1 ... 2^63.
    package let count: UInt64
    private let lowBits: UInt64
    private let lowMask: UInt64
    private let highMask: UInt64
    private let k0, k1, k2, k3: UInt64

    /// A count of 0 is taken as 1, one above 2^63 as 2^63.
    package init(count: UInt64, key: ScanKey) {
        let count = min(max(count, 1), 1 << 63)
        self.count = count
        let bits = UInt64(64 - (count - 1).leadingZeroBitCount)
        lowBits = bits - bits / 2
        lowMask = (1 << lowBits) &- 1
        highMask = (1 << (bits / 2)) &- 1
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
            high ^= round(low, k0) & highMask
            low ^= round(high, k1) & lowMask
            high ^= round(low, k2) & highMask
            low ^= round(high, k3) & lowMask
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
            low ^= round(high, k3) & lowMask
            high ^= round(low, k2) & highMask
            low ^= round(high, k1) & lowMask
            high ^= round(low, k0) & highMask
            value = high &<< lowBits | low
        } while value >= count
        return value
    }

    @inline(__always)
    private func round(_ half: UInt64, _ key: UInt64) -> UInt64 {
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
