/// The next silent targets of the order, some at a time: finding them, the order's arithmetic and the look-ups are loops of their own, where the
/// processor works on several targets at a time and waits for several tables at once, since no target waits for another. Used by one thread.
package struct UpcomingTargets: ~Copyable {
    // Allocated in the initialiser, freed in deinit. In range: a place is below what `look` has found, which is at most `most`.
    /// Where in the order the targets stand, and their numbers.
    package let positions: UnsafeMutablePointer<UInt64>
    package let indexes: UnsafeMutablePointer<UInt64>
    /// What their probes ask and which way these go; meaningless for a target that is not one of the first, those of IPv4 hosts.
    package let aims: UnsafeMutablePointer<ProbeAim>
    package let ways: UnsafeMutablePointer<WayTable.Way>

    /// So many targets are found at a time; what is noted of them takes 2.5 KiB, little beside the first cache.
    package static let most = 64

    package struct Found: BitwiseCopyable {
        package var count: Int
        /// Whether all are IPv4 hosts' and go the same way.
        package var isUniform: Bool
    }

    package init() {
        positions = .allocate(capacity: Self.most)
        indexes = .allocate(capacity: Self.most)
        aims = .allocate(capacity: Self.most)
        ways = .allocate(capacity: Self.most)
        positions.initialize(repeating: 0, count: Self.most)
        indexes.initialize(repeating: 0, count: Self.most)
        aims.initialize(repeating: ProbeAim(0, 0, from: 0), count: Self.most)
        ways.initialize(repeating: .none, count: Self.most)
    }

    deinit {
        positions.deallocate()
        indexes.deallocate()
        aims.deallocate()
        ways.deallocate()
    }

    /// Finds up to `count` silent targets, at most `most`, in the positions `start` ..< `end`, and has their probes come from `port`.
    // Not inlined: by itself each loop has the registers it needs.
    @inline(never)
    package borrowing func look(
        _ count: Int, from start: UInt64, before end: UInt64, _ table: ProbeTable, _ permutation: Permutation, _ v4: FlatTargets.View,
        _ wayTable: WayTable.View, port sourcePort: UInt16
    ) -> Found {
        let found = table.findSilent(from: start, before: end, most: min(count, Self.most), positions)
        for place in 0..<found { indexes[place] = permutation.index(at: positions[place]) }
        var isUniform = true
        for place in 0..<found {
            guard indexes[place] < v4.count else {
                isUniform = false
                continue
            }
            let (address, port) = v4.target(at: indexes[place])
            aims[place] = ProbeAim(address, port, from: sourcePort)
            ways[place] = wayTable.way(for: address)
            isUniform = isUniform && ways[place] == ways[0]
        }
        return Found(count: found, isUniform: isUniform)
    }
}
