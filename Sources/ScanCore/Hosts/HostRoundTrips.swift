package import ScanTargets

/// The slowest answer of each host that has answered lately: in fixed memory, newer hosts over older ones.
///
/// A silent target of such a host is waited for by what its own host takes, not by what a slower one might. A host that has been forgotten counts
/// as one that never answered, and is waited for longer. Guarded by the books' lock.
package struct HostRoundTrips: Sendable {
    private static let slots = 1 << 12

    private struct Entry {
        var address: IPAddress?
        var slowest: UInt32 = 0
    }

    private var entries = [Entry](repeating: Entry(), count: slots)

    package init() {}

    /// Takes the round trip of an answer of this host, µs.
    package mutating func note(_ address: IPAddress, _ microseconds: UInt32) {
        let slot = Self.slot(address)
        if entries[slot].address == address {
            entries[slot].slowest = max(entries[slot].slowest, microseconds)
        } else {
            entries[slot] = Entry(address: address, slowest: microseconds)
        }
    }

    /// The slowest of this host's answers, µs; nil where none is known.
    package func slowest(of address: IPAddress) -> Int64? {
        let entry = entries[Self.slot(address)]
        return entry.address == address ? Int64(entry.slowest) : nil
    }

    private static func slot(_ address: IPAddress) -> Int {
        let bits = address.value
        let folded = UInt64(truncatingIfNeeded: bits) ^ UInt64(truncatingIfNeeded: bits >> 64)
        return Int(truncatingIfNeeded: (folded &* 0x9E37_79B9_7F4A_7C15) >> 52)
    }
}
