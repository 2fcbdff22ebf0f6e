/// Probes that left one after another at one rate, and what came back: the unit by which `RateController` judges.
///
/// The order of targets is random, so each stretch is a fair sample of them, and the share that answers must not depend on the rate.
package struct Stretch: Sendable {
    /// Probes a second while it was sent.
    package let rate: Double
    /// Whether nothing in it had been asked before: later only the silent are, and their answers say little.
    package let isFirst: Bool
    /// Where it lies in the order.
    package var positions: Range<UInt64>
    /// First probes and canaries apart: their shares differ, and their mix changes.
    package var first = ProbeCount()
    package var canaries = ProbeCount()
    /// When it ended; ns on the steady clock.
    package var end: Int64 = 0
    /// Of its answers, µs.
    package var roundTrips = (count: 0, least: Double.infinity)
    /// When the first and the last of its answers came, µs: on a path that queues they come as fast as the path lets them through.
    package var arrivals: ClosedRange<Int64>?

    package init(rate: Double, isFirst: Bool, start: UInt64) {
        self.rate = rate
        self.isFirst = isFirst
        positions = start..<start
    }
}

/// The stretches of the pass under way that have not been judged, oldest first.
///
/// Guarded by the books' lock. Positions grow, so an answer finds its stretch by binary search.
package struct StretchLog: Sendable {
    private var waiting: [Stretch] = []
    private var current: Stretch?

    package init() { waiting.reserveCapacity(1024) }

    package mutating func begin() {
        waiting.removeAll(keepingCapacity: true)
        current = nil
    }

    /// A new stretch is under way.
    package mutating func open(_ stretch: Stretch) { current = stretch }

    /// Forgets the stretch under way; where it began.
    package mutating func abandon() -> UInt64? {
        defer { current = nil }
        return current?.positions.lowerBound
    }

    /// The stretch under way has ended at `time`, ns, just before `position`, with so many probes.
    package mutating func close(at time: Int64, before position: UInt64, first: Int, canaries: Int) {
        guard var stretch = current else { return }
        current = nil
        guard first + canaries > 0 else { return }
        stretch.first.sent = first
        stretch.canaries.sent = canaries
        stretch.positions = stretch.positions.lowerBound..<max(position, stretch.positions.lowerBound)
        stretch.end = time
        waiting.append(stretch)
    }

    /// Notes an answer to the probe that left at `position`; `time` and `roundTrip` in µs.
    package mutating func answered(_ position: UInt64, isCanary: Bool, at time: Int64, roundTrip: UInt32?) {
        if current.map({ $0.positions.lowerBound <= position }) == true {
            current?.answered(isCanary, time, roundTrip)
        } else if let index = waiting.firstIndexFromEnd(startingAtOrBefore: position) {
            waiting[index].answered(isCanary, time, roundTrip)
        }
    }

    /// Takes out the oldest stretch that ended at `time` (ns) or before.
    package mutating func take(endedBefore time: Int64) -> Stretch? {
        guard let first = waiting.first, first.end <= time else { return nil }
        return waiting.removeFirst()
    }
}

extension Stretch {
    fileprivate mutating func answered(_ isCanary: Bool, _ time: Int64, _ roundTrip: UInt32?) {
        arrivals = arrivals.map { min($0.lowerBound, time)...max($0.upperBound, time) } ?? time...time
        if isCanary { canaries.answered += 1 } else { first.answered += 1 }
        guard let roundTrip else { return }
        roundTrips = (roundTrips.count + 1, min(roundTrips.least, Double(roundTrip)))
    }
}

extension [Stretch] {
    fileprivate func firstIndexFromEnd(startingAtOrBefore position: UInt64) -> Int? {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].positions.lowerBound <= position { low = middle + 1 } else { high = middle }
        }
        return low > 0 && self[low - 1].positions.contains(position) ? low - 1 : nil
    }
}
