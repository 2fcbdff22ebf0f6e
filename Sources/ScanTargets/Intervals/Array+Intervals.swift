/// Set algebra over sorted lists of intervals that neither overlap nor touch. Each operation is one linear pass.
extension Array where Element: Interval {
    /// The same values as a sorted list without overlaps, touching intervals joined. O(n) when already sorted, else O(n log n).
    func merged() -> [Element] {
        guard !isMerged else { return self }
        var result: [Element] = []
        result.reserveCapacity(count)
        for interval in sortedByLowerBound() { result.join(interval) }
        return result
    }

    /// Adds an interval behind all others, or to the last one where it begins in or right behind it.
    mutating func add(_ interval: Element) {
        if let last, last.lower <= interval.lower { join(interval) } else { append(interval) }
    }

    /// The values of either list. Both are sorted.
    func union(_ other: [Element]) -> [Element] {
        var result: [Element] = []
        result.reserveCapacity(count + other.count)
        var mine = 0
        var theirs = 0
        while mine < count || theirs < other.count {
            if theirs == other.count || (mine < count && self[mine].lower <= other[theirs].lower) {
                result.join(self[mine])
                mine += 1
            } else {
                result.join(other[theirs])
                theirs += 1
            }
        }
        return result
    }

    /// The values that both lists hold. Both are sorted.
    func intersection(_ other: [Element]) -> [Element] {
        var result: [Element] = []
        var mine = 0
        var theirs = 0
        while mine < count, theirs < other.count {
            let lower = Swift.max(self[mine].lower, other[theirs].lower)
            let upper = Swift.min(self[mine].upper, other[theirs].upper)
            if lower <= upper { result.append(Element(lower: lower, upper: upper)) }
            if self[mine].upper < other[theirs].upper { mine += 1 } else { theirs += 1 }
        }
        return result
    }

    /// The values of this list that `other` does not hold. Both are sorted.
    func subtracting(_ other: [Element]) -> [Element] {
        var result: [Element] = []
        var hole = 0
        for interval in self {
            while hole < other.count, other[hole].upper < interval.lower { hole += 1 }
            // A hole may reach into the next interval too, so this loop looks ahead and leaves `hole` in place.
            var ahead = hole
            var rest: Element? = interval
            while let part = rest, ahead < other.count, other[ahead].lower <= part.upper {
                if let before = part.part(before: other[ahead].lower) { result.append(before) }
                rest = part.part(after: other[ahead].upper)
                ahead += 1
            }
            if let rest { result.append(rest) }
            hole = Swift.max(hole, ahead - 1)
        }
        return result
    }

    /// Adds an interval that starts at or after the last one's start, and joins the two where they overlap or touch.
    private mutating func join(_ interval: Element) {
        guard let last, interval.lower <= last.upper || last.upper.next == interval.lower else { return append(interval) }
        if last.upper < interval.upper { self[count - 1] = Element(lower: last.lower, upper: interval.upper) }
    }

    private var isMerged: Bool {
        indices.dropFirst().allSatisfy { index in self[index - 1].upper.next.map { $0 < self[index].lower } == true }
    }

    private func sortedByLowerBound() -> [Element] {
        let isSorted = indices.dropFirst().allSatisfy { self[$0 - 1].lower <= self[$0].lower }
        return isSorted ? self : sorted { $0.lower < $1.lower }
    }
}

extension Interval {
    /// The part that lies before `bound`, nil when there is none.
    func part(before bound: Bound) -> Self? {
        guard lower < bound, let end = bound.previous else { return nil }
        return Self(lower: lower, upper: Swift.min(end, upper))
    }

    /// The part that lies after `bound`, nil when there is none.
    func part(after bound: Bound) -> Self? {
        guard bound < upper, let start = bound.next else { return nil }
        return Self(lower: Swift.max(start, lower), upper: upper)
    }
}
