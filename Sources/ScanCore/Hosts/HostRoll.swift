package import ScanTargets

/// Which of the job's addresses have answered: two bits for each. Guarded by the books' lock.
package struct HostRoll: Sendable {
    /// 4 MiB of roll.
    package static let mostHosts: UInt128 = 1 << 24

    package enum Sign: UInt8, Sendable {
        case silent, unreachable
        /// At least one of its targets was never probed.
        case leftOut
        case up
    }

    package let addresses: AddressSet
    private var words: [UInt64]

    package init(_ addresses: AddressSet) {
        self.addresses = addresses
        words = [UInt64](repeating: 0, count: Int(clamping: min(addresses.count, Self.mostHosts)) / 32 + 1)
    }

    package func sign(at offset: UInt64) -> Sign {
        guard offset / 32 < words.count else { return .silent }
        let (word, shift) = Self.place(offset)
        return Sign(rawValue: UInt8(truncatingIfNeeded: words[word] >> shift & 3)) ?? .up
    }

    /// Notes a sign of an address; false when that says nothing new. A host that was up stays up.
    package mutating func note(_ address: IPAddress, _ sign: Sign) -> Bool {
        guard let offset = addresses.offset(of: address), offset / 32 < words.count, self.sign(at: offset).rawValue < sign.rawValue else {
            return false
        }
        let (word, shift) = Self.place(offset)
        words[word] = words[word] & ~(3 << shift) | UInt64(sign.rawValue) << shift
        return true
    }

    private static func place(_ offset: UInt64) -> (word: Int, shift: UInt64) { (Int(truncatingIfNeeded: offset / 32), offset % 32 * 2) }
}
