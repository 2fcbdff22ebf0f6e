/// A set of addresses of both families, as sorted ranges that neither overlap nor touch; so equal sets have equal ranges.
///
/// Addresses are numbered 0..<count in ascending order, IPv4 first. A look-up is a binary search and allocates nothing. Values are
/// immutable and may be read from any thread.
package struct AddressSet: Hashable, Sendable {
    package let ranges: [AddressRange]
    private let index: AddressIndex

    /// The empty set.
    package init() {
        self.init(sorted: [])
    }

    /// The union of the ranges, in any order, overlapping or not.
    package init(_ ranges: some Sequence<AddressRange>) {
        self.init(sorted: Array(ranges).merged())
    }

    /// Callers guarantee sorted ranges that neither overlap nor touch.
    private init(sorted ranges: [AddressRange]) {
        self.ranges = ranges
        index = AddressIndex(ranges)
    }

    package var isEmpty: Bool { ranges.isEmpty }

    /// The number of addresses, `UInt128.max` where it does not fit.
    package var count: UInt128 { index.count }

    package static func == (left: AddressSet, right: AddressSet) -> Bool {
        left.ranges == right.ranges
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ranges)
    }
}

// MARK: - Look-up

extension AddressSet {
    package func contains(_ address: IPAddress) -> Bool {
        rangeIndex(of: address) != nil
    }

    /// Whether the IPv4 address, a number in host order, is in the set. Made for the packet path.
    package func contains(v4 address: UInt32) -> Bool {
        index.contains(v4: address)
    }

    /// The address with this number; nil from `count` on.
    package func address(at offset: UInt64) -> IPAddress? {
        guard let found = index.offsets.sortedIndex(ofLastNotAbove: offset) else { return nil }
        let distance = offset - index.offsets[found]
        guard UInt128(distance) < ranges[found].count else { return nil }
        return ranges[found].first.advanced(by: distance)
    }

    /// The number of the address; nil when it is not in the set, or its number does not fit 64 bits.
    package func offset(of address: IPAddress) -> UInt64? {
        guard let found = rangeIndex(of: address), found < index.offsets.count else { return nil }
        return UInt64(exactly: UInt128(index.offsets[found]).saturatingAdd(address.value - ranges[found].first.value))
    }

    private func rangeIndex(of address: IPAddress) -> Int? {
        let found = index.rangesBeginning(upTo: address) - 1
        return found >= 0 && address <= ranges[found].last ? found : nil
    }
}

// MARK: - Algebra

extension AddressSet {
    /// The addresses that are in either set. Linear in the number of ranges.
    package func union(_ other: AddressSet) -> AddressSet {
        AddressSet(sorted: ranges.union(other.ranges))
    }

    /// The addresses of this set that are not in `other`. Linear in the number of ranges.
    package func subtracting(_ other: AddressSet) -> AddressSet {
        AddressSet(sorted: ranges.subtracting(other.ranges))
    }

    /// The addresses that are in both sets. Linear in the number of ranges.
    package func intersection(_ other: AddressSet) -> AddressSet {
        AddressSet(sorted: ranges.intersection(other.ranges))
    }

    /// The lowest run of addresses in this set that `allowed` does not hold; nil when it holds them all.
    package func firstRange(outside allowed: AddressSet) -> AddressRange? {
        for range in ranges {
            if let part = allowed.firstGap(in: range) { return part }
        }
        return nil
    }

    /// The first part of `range` that this set does not hold.
    private func firstGap(in range: AddressRange) -> AddressRange? {
        let following = index.rangesBeginning(upTo: range.first)
        var rest = range
        if following > 0, ranges[following - 1].contains(range.first) {
            guard let part = range.part(after: ranges[following - 1].last) else { return nil }
            rest = part
        }
        return following < ranges.count ? rest.part(before: ranges[following].first) ?? rest : rest
    }
}
