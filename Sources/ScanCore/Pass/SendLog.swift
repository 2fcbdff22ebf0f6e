import Synchronization

/// When the probes of one attempt left: one entry (position, time) for each stretch of about a quarter of a millisecond.
///
/// The transmit thread writes, the capture thread reads; positions grow with time. Entries that have been overwritten are no longer
/// found, so a reply that comes very late has no round-trip time.
package final class SendLog: Sendable {
    private static let capacity = 1 << 14
    private static let stretch: Int64 = 250

    private struct Entry: ~Copyable {
        let position: Atomic<UInt64>
        let time: Atomic<Int64>
    }

    // Allocated here, freed in deinit, never reassigned; all access is atomic. An entry is initialised when it is written for the first time, and
    // read only after that: the log of a round that never comes costs no memory.
    nonisolated(unsafe) private let entries: UnsafeMutablePointer<Entry>
    private let written = Atomic<Int>(0)
    /// Where the pass under way begins.
    private let base = Atomic<Int>(0)

    package init() {
        entries = .allocate(capacity: Self.capacity)
    }

    deinit {
        entries.deinitialize(count: min(written.load(ordering: .relaxed), Self.capacity))
        entries.deallocate()
    }

    /// Another pass begins, at whatever position: what was sent before is no longer found. The transmit thread only.
    package func begin() {
        base.store(written.load(ordering: .relaxed), ordering: .releasing)
    }

    /// Notes that the probes from `position` on leave at `time` (µs since the epoch). The transmit thread only.
    @inline(__always)
    package func note(_ position: UInt64, at time: Int64) {
        let count = written.load(ordering: .relaxed)
        if count > base.load(ordering: .relaxed) {
            let last = entries + (count &- 1) % Self.capacity
            let sinceLast = time &- last.pointee.time.load(ordering: .relaxed)
            if sinceLast >= 0, sinceLast < Self.stretch, last.pointee.position.load(ordering: .relaxed) <= position { return }
        }
        let entry = entries + count % Self.capacity
        if count < Self.capacity {
            entry.initialize(to: Entry(position: Atomic(position), time: Atomic(time)))
        } else {
            entry.pointee.position.store(position, ordering: .relaxed)
            entry.pointee.time.store(time, ordering: .relaxed)
        }
        written.store(count &+ 1, ordering: .releasing)
    }

    /// When the probe at `position` left, to within one stretch; nil when that is no longer known.
    package func time(of position: UInt64) -> Int64? {
        let count = written.load(ordering: .acquiring)
        // The oldest eighth may be overwritten while this reads.
        let oldest = max(base.load(ordering: .acquiring), count - Self.capacity / 8 * 7)
        var low = oldest
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if entry(middle).position <= position { low = middle + 1 } else { high = middle }
        }
        return low > oldest ? entry(low - 1).time : nil
    }

    /// The first position that left at `time` or later, or had not left yet: everything before it left earlier.
    package func position(at time: Int64) -> UInt64? {
        let count = written.load(ordering: .acquiring)
        var low = max(base.load(ordering: .acquiring), count - Self.capacity)
        guard low < count, entry(low).time < time else { return nil }
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if entry(middle).time < time { low = middle + 1 } else { high = middle }
        }
        return entry(max(0, low - 1)).position
    }

    private func entry(_ index: Int) -> (position: UInt64, time: Int64) {
        let entry = entries + index % Self.capacity
        return (entry.pointee.position.load(ordering: .relaxed), entry.pointee.time.load(ordering: .relaxed))
    }
}
