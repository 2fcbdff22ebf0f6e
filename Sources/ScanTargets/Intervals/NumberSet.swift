/// A set of numbers as sorted spans that neither overlap nor touch; so equal sets have equal spans.
///
/// Numbers stand in ascending order, counted from 0. A span takes as much memory as its two ends. A look-up is a binary search and allocates
/// nothing. Values are immutable and may be read from any thread.
struct NumberSet<Number: FixedWidthInteger & UnsignedInteger & Steppable & Sendable>: Sendable {
    struct Span: Interval, Hashable, Sendable {
        let lower: Number
        let upper: Number

        /// `UInt128.max` where it does not fit.
        var count: UInt128 { UInt128(upper - lower).saturatingAdd(1) }
    }

    let spans: [Span]
    /// How many numbers there are, `UInt128.max` where it does not fit.
    let count: UInt128
    /// How many numbers stand before each block of spans but the first, up to the last block whose beginning 64 bits can number.
    private let offsets: [UInt64]
    private static var block: Int { 32 }

    /// Callers guarantee sorted spans that neither overlap nor touch.
    init(sorted spans: [Span]) {
        self.spans = spans
        var offsets: [UInt64] = []
        if spans.count > Self.block { offsets.reserveCapacity(spans.count / Self.block) }
        var count: UInt128 = 0
        for index in spans.indices {
            if index > 0, index % Self.block == 0, let offset = UInt64(exactly: count) { offsets.append(offset) }
            count = count.saturatingAdd(spans[index].count)
        }
        (self.offsets, self.count) = (offsets, count)
    }

    /// The union of the spans, in any order, overlapping or not.
    init(_ spans: [Span]) {
        self.init(sorted: spans.merged())
    }

    func contains(_ number: Number) -> Bool {
        span(of: number) != nil
    }

    /// The number at this place; nil from `count` on.
    func number(at offset: UInt64) -> Number? {
        let block = (offsets.sortedIndex(ofLastNotAbove: offset) ?? -1) + 1
        var rest = block == 0 ? offset : offset - offsets[block - 1]
        for span in spans[block * Self.block..<min(spans.count, (block + 1) * Self.block)] {
            let distance = UInt128(span.upper - span.lower)
            if UInt128(rest) <= distance { return span.lower + Number(rest) }
            rest -= UInt64(distance) + 1
        }
        return nil
    }

    /// The place of the number; nil when it is not in the set, or its place does not fit 64 bits.
    func offset(of number: Number) -> UInt64? {
        guard let found = span(of: number), case let block = found / Self.block, block <= offsets.count else { return nil }
        let start = block == 0 ? 0 : UInt128(offsets[block - 1])
        let before = spans[block * Self.block..<found].reduce(start) { $0.saturatingAdd($1.count) }
        return UInt64(exactly: before.saturatingAdd(UInt128(number - spans[found].lower)))
    }

    /// The lowest numbers of this set that `allowed` does not hold; nil when it holds them all.
    func firstSpan(outside allowed: NumberSet) -> Span? {
        for span in spans {
            let near = allowed.beginning(upTo: span.lower)
            var lower = span.lower
            if near > 0, case let end = allowed.spans[near - 1].upper, end >= lower {
                guard end < span.upper else { continue }
                lower = end + 1
            }
            return Span(lower: lower, upper: near < allowed.spans.count ? min(span.upper, allowed.spans[near].lower - 1) : span.upper)
        }
        return nil
    }

    private func span(of number: Number) -> Int? {
        let found = beginning(upTo: number) - 1
        return found >= 0 && number <= spans[found].upper ? found : nil
    }

    /// How many spans begin at or before `number`. Only the last of them can hold it.
    private func beginning(upTo number: Number) -> Int {
        var low = 0
        var high = spans.count
        while low < high {
            let middle = (low &+ high) / 2
            if spans[middle].lower <= number { low = middle &+ 1 } else { high = middle }
        }
        return low
    }
}

// MARK: - Algebra

/// Each is one pass over both.
extension NumberSet {
    func union(_ other: NumberSet) -> NumberSet {
        if spans.isEmpty { return other }
        return other.spans.isEmpty ? self : NumberSet(sorted: spans.union(other.spans))
    }

    func subtracting(_ other: NumberSet) -> NumberSet {
        spans.isEmpty || other.spans.isEmpty ? self : whole(or: spans.subtracting(other.spans))
    }

    func intersection(_ other: NumberSet) -> NumberSet {
        if spans.isEmpty { return self }
        return other.spans.isEmpty ? other : whole(or: spans.intersection(other.spans))
    }

    /// What lost nothing is kept, and shares its memory.
    private func whole(or rest: [Span]) -> NumberSet {
        rest == spans ? self : NumberSet(sorted: rest)
    }
}

extension NumberSet: Hashable {
    static func == (left: NumberSet, right: NumberSet) -> Bool { left.spans == right.spans }

    func hash(into hasher: inout Hasher) { hasher.combine(spans) }
}
