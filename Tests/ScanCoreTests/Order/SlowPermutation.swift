import ScanCore
import TestSupport

/// The order of a stored job, written down a second time with plain arithmetic, and counting its walks. When this and `Permutation` part,
/// jobs that were interrupted before an update go on in another order after it, and miss targets.
struct SlowPermutation {
    let count: UInt64
    private let lowSize: UInt64
    private let highSize: UInt64
    private let keys: [UInt64]

    init(count: UInt64, key: ScanKey) {
        var bits = 0
        while bits < 63, UInt64(1) << bits < count { bits += 1 }
        self.count = count
        lowSize = 1 << UInt64(bits / 2)
        highSize = max(1, (count + lowSize - 1) / lowSize)
        let first = Self.littleEndian(key.bytes[0..<8])
        let second = Self.littleEndian(key.bytes[8..<16])
        keys = [first, second, Self.mixed(first ^ 0x9E37_79B9_7F4A_7C15), Self.mixed(second ^ 0xD1B5_4A32_D192_ED03)]
    }

    /// The index at `position`, and how many passes through the network it took.
    func walk(from position: UInt64) -> (index: UInt64, passes: Int) {
        var value = position
        var passes = 0
        repeat {
            var (high, low) = (value / lowSize, value % lowSize)
            for (number, key) in keys.enumerated() {
                if number % 2 == 0 {
                    let part = (scrambled(low, key) &* 0xD1B5_4A32_D192_ED03).multipliedFullWidth(by: highSize).high
                    high = (high + part) % highSize
                } else {
                    low ^= scrambled(high, key) % lowSize
                }
            }
            value = high * lowSize + low
            passes += 1
        } while value >= count
        return (value, passes)
    }

    private func scrambled(_ half: UInt64, _ key: UInt64) -> UInt64 {
        let product = (half &+ key) &* 0x9E37_79B9_7F4A_7C15
        return product ^ (product >> 32)
    }

    private static func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// SplitMix64's first number for a state of `value` less its increment.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var generator = SeededGenerator(seed: value &- 0x9E37_79B9_7F4A_7C15)
        return generator.next()
    }
}
