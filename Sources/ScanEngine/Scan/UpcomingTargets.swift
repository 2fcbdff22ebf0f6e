/// The next silent targets of the order, a batch at a time: the order's arithmetic is a loop of its own, where the processor works on several
/// positions at a time, since none waits for another. Used by one thread.
package struct UpcomingTargets: ~Copyable {
    // Allocated in the initialiser, freed in deinit.
    private let positions: UnsafeMutablePointer<UInt64>
    private let indexes: UnsafeMutablePointer<UInt64>

    package init() {
        positions = .allocate(capacity: FrameSlots.batch)
        indexes = .allocate(capacity: FrameSlots.batch)
        positions.initialize(repeating: 0, count: FrameSlots.batch)
        indexes.initialize(repeating: 0, count: FrameSlots.batch)
    }

    deinit {
        positions.deallocate()
        indexes.deallocate()
    }

    /// Finds up to `count` silent targets, at most a batch, in the positions `start` ..< `end`; how many.
    @inline(__always)
    package borrowing func look(_ count: Int, from start: UInt64, before end: UInt64, _ table: ProbeTable, _ permutation: Permutation)
        -> Int
    {
        let wanted = min(count, FrameSlots.batch)
        var found = 0
        var position = start
        while found < wanted, let next = table.nextSilent(from: position, before: end) {
            positions[found] = next
            found &+= 1
            position = next &+ 1
        }
        for place in 0..<found { indexes[place] = permutation.index(at: positions[place]) }
        return found
    }

    /// Where in the order the target found at this place stands, and its number.
    @inline(__always)
    package subscript(_ place: Int) -> (position: UInt64, index: UInt64) {
        // In range: a place is below what `look` has found.
        (positions[place], indexes[place])
    }
}
