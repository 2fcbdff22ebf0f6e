package import ScanTargets

/// How many open ports hosts have, in bounded memory: exact while few hosts have any, afterwards too low by at most a few for each.
///
/// Counts every host until there is no room; then all counts fall by the least and those at zero make room (Misra & Gries, "Finding Repeated
/// Elements", 1982). A host with hundreds among hosts with few keeps its place. Guarded by the books' lock.
package struct OpenPortTally: Sendable {
    package static let capacity = 3 << 12
    private static let slots = 1 << 14

    /// A hash of the address in place of the address; 0 where the slot is free.
    private var prints = [UInt64](repeating: 0, count: slots)
    private var counts = [UInt32](repeating: 0, count: slots)
    private var spare: (prints: [UInt64], counts: [UInt32])
    private var used = 0

    package init() { spare = (prints, counts) }

    /// Counts one more open port of the host; how many it has now.
    package mutating func note(_ address: IPAddress) -> Int {
        let print = Self.print(of: address)
        var slot = slot(of: print)
        if prints[slot] == 0 {
            if used == Self.capacity { makeRoom() }
            slot = self.slot(of: print)
            prints[slot] = print
            used += 1
        }
        counts[slot] += 1
        return Int(counts[slot])
    }

    package func count(of address: IPAddress) -> Int { Int(counts[slot(of: Self.print(of: address))]) }

    /// Where the host is, or the free slot where it would be.
    private func slot(of print: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: print) & (Self.slots - 1)
        while prints[slot] != 0, prints[slot] != print { slot = (slot + 1) & (Self.slots - 1) }
        return slot
    }

    private mutating func makeRoom() {
        var least = UInt32.max
        for slot in 0..<Self.slots where counts[slot] > 0 { least = min(least, counts[slot]) }
        swap(&prints, &spare.prints)
        swap(&counts, &spare.counts)
        for slot in 0..<Self.slots { (prints[slot], counts[slot]) = (0, 0) }
        used = 0
        for old in 0..<Self.slots where spare.counts[old] > least {
            let slot = slot(of: spare.prints[old])
            (prints[slot], counts[slot]) = (spare.prints[old], spare.counts[old] - least)
            used += 1
        }
    }

    private static func print(of address: IPAddress) -> UInt64 {
        let folded = UInt64(truncatingIfNeeded: address.value ^ address.value >> 64)
        var hash = (folded &+ 0x9E37_79B9_7F4A_7C15) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ hash >> 31) &* 0x94D0_49BB_1331_11EB
        return max(1, hash ^ hash >> 29)
    }
}
