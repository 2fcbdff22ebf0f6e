/// A set of TCP ports, as sorted ranges that neither overlap nor touch; never holds port 0, which is reserved (RFC 6335 §6).
///
/// Ports are numbered 0..<count in ascending order. A look-up is a binary search and allocates nothing. Values are immutable and may be
/// read from any thread.
package struct PortSet: Hashable, Sendable {
    package let ranges: [ClosedRange<UInt16>]
    /// The number of ports, at most 65,535.
    package let count: Int
    /// The first port of each range.
    private let firsts: [UInt16]
    /// How many ports stand before each range.
    private let offsets: [Int]

    /// Every port: 1–65535.
    package static let all = PortSet([1...UInt16.max])

    /// The empty set.
    package init() {
        self.init(sorted: [])
    }

    /// The union of the ranges, in any order, overlapping or not. Port 0 is left out.
    package init(_ ranges: some Sequence<ClosedRange<UInt16>>) {
        self.init(sorted: ranges.compactMap { $0.lowerBound == 0 ? $0.part(after: 0) : $0 }.merged())
    }

    /// Callers guarantee sorted ranges without port 0 that neither overlap nor touch.
    private init(sorted ranges: [ClosedRange<UInt16>]) {
        var offsets: [Int] = []
        offsets.reserveCapacity(ranges.count)
        var count = 0
        for range in ranges {
            offsets.append(count)
            count += range.count
        }
        self.ranges = ranges
        self.count = count
        self.offsets = offsets
        firsts = ranges.map(\.lowerBound)
    }

    package var isEmpty: Bool { ranges.isEmpty }

    package static func == (left: PortSet, right: PortSet) -> Bool {
        left.ranges == right.ranges
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ranges)
    }
}

// MARK: - Look-up

extension PortSet {
    package func contains(_ port: UInt16) -> Bool {
        rangeIndex(of: port) != nil
    }

    /// The port with this number; nil outside 0..<count.
    package func port(at index: Int) -> UInt16? {
        guard 0..<count ~= index, let found = offsets.sortedIndex(ofLastNotAbove: index) else { return nil }
        return firsts[found] + UInt16(truncatingIfNeeded: index - offsets[found])
    }

    /// The number of the port; nil when it is not in the set.
    package func index(of port: UInt16) -> Int? {
        rangeIndex(of: port).map { offsets[$0] + Int(port - firsts[$0]) }
    }

    private func rangeIndex(of port: UInt16) -> Int? {
        guard let found = firsts.sortedIndex(ofLastNotAbove: port), port <= ranges[found].upperBound else { return nil }
        return found
    }
}

// MARK: - Traversal

extension PortSet: Sequence {
    /// The ports in ascending order.
    package func makeIterator() -> FlattenSequence<[ClosedRange<UInt16>]>.Iterator {
        ranges.joined().makeIterator()
    }
}

// MARK: - Algebra

extension PortSet {
    /// The ports that are in either set.
    package func union(_ other: PortSet) -> PortSet {
        PortSet(sorted: ranges.union(other.ranges))
    }

    /// The ports of this set that are not in `other`.
    package func subtracting(_ other: PortSet) -> PortSet {
        PortSet(sorted: ranges.subtracting(other.ranges))
    }

    /// The ports that are in both sets.
    package func intersection(_ other: PortSet) -> PortSet {
        PortSet(sorted: ranges.intersection(other.ranges))
    }
}
