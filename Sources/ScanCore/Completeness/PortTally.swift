package import ScanTargets

/// Which ports and hosts of a chunk have answered; decides whom a narrow sweep asks again.
///
/// Answers are noted under the books' lock; the transmit thread asks without it and may see one a moment later.
package final class PortTally: @unchecked Sendable {
    // Unchecked: the memory is allocated here, freed in deinit, and written by one thread at a time; a reader that is a moment behind asks a
    // target once more or once less, which the next sweep makes up for.
    private let open: UnsafeMutablePointer<UInt32>
    /// A Bloom filter of the hosts that have answered: it may take a host for one of them, never the other way round.
    private let hosts: UnsafeMutablePointer<UInt64>
    private static let ports = 1 << 16
    private static let hostWords = 1 << 14

    /// Ports with exactly one open target.
    package private(set) var singlePorts = 0

    package init() {
        open = .zeros(Self.ports)
        hosts = .zeros(Self.hostWords)
    }

    deinit {
        open.deallocate()
        hosts.deallocate()
    }

    /// Forgets everything: another chunk begins.
    package func clear() {
        open.update(repeating: 0, count: Self.ports)
        hosts.update(repeating: 0, count: Self.hostWords)
        singlePorts = 0
    }

    /// Notes a target's first answer.
    @inline(__always)
    package func note(_ address: IPAddress, _ port: UInt16, isOpen: Bool) {
        let bits = Self.bits(of: address)
        hosts[bits.0 >> 6] |= 1 << UInt64(bits.0 & 63)
        hosts[bits.1 >> 6] |= 1 << UInt64(bits.1 & 63)
        guard isOpen else { return }
        open[Int(port)] &+= 1
        switch open[Int(port)] {
        case 1: singlePorts += 1
        case 2: singlePorts -= 1
        default: break
        }
    }

    /// Whether the target is likely to answer: its host has answered, or its port is open elsewhere.
    @inline(__always)
    package func isLikely(_ address: IPAddress, _ port: UInt16) -> Bool {
        if open[Int(port)] > 0 { return true }
        let bits = Self.bits(of: address)
        return hosts[bits.0 >> 6] >> UInt64(bits.0 & 63) & hosts[bits.1 >> 6] >> UInt64(bits.1 & 63) & 1 == 1
    }

    @inline(__always)
    private static func bits(of address: IPAddress) -> (Int, Int) {
        let folded = UInt64(truncatingIfNeeded: address.value ^ address.value >> 64)
        let hash = (folded &+ 1) &* 0x9E37_79B9_7F4A_7C15
        let mixed = (hash ^ hash >> 29) &* 0xBF58_476D_1CE4_E5B9
        return (Int(truncatingIfNeeded: mixed >> 44), Int(truncatingIfNeeded: mixed >> 20) & (hostWords * 64 - 1))
    }
}
