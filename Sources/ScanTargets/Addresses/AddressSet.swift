/// A set of addresses of both families, as sorted ranges that neither overlap nor touch; so equal sets have equal ranges.
///
/// Addresses are numbered 0..<count in ascending order, IPv4 first. A range of IPv4 takes eight bytes, one of IPv6 thirty-two. A look-up is a
/// binary search and allocates nothing. Values are immutable and may be read from any thread.
package struct AddressSet: Hashable, Sendable {
    private let v4: NumberSet<UInt32>
    private let v6: NumberSet<UInt128>

    private init(_ v4: NumberSet<UInt32>, _ v6: NumberSet<UInt128>) {
        (self.v4, self.v6) = (v4, v6)
    }

    /// The empty set.
    package init() {
        self.init(NumberSet(sorted: []), NumberSet(sorted: []))
    }

    /// The union of the ranges, in any order, overlapping or not.
    package init(_ ranges: some Sequence<AddressRange>) {
        var builder = Builder()
        for range in ranges { builder.insert(range) }
        self = builder.set
    }

    /// The union of the sets.
    package init(joining sets: some Sequence<AddressSet>) {
        var builder = Builder()
        for set in sets where !set.isEmpty { builder.insert(set) }
        self = builder.set
    }

    package var isEmpty: Bool { v4.spans.isEmpty && v6.spans.isEmpty }

    /// The number of addresses, `UInt128.max` where it does not fit.
    package var count: UInt128 { v4.count.saturatingAdd(v6.count) }
}

// MARK: - Ranges

extension AddressSet {
    /// The ranges in ascending order.
    package var ranges: Ranges { Ranges(v4: v4.spans, v6: v6.spans) }

    /// Ranges of a set, made one by one as they are asked for.
    package struct Ranges: RandomAccessCollection, Equatable, Sendable {
        fileprivate let v4: [NumberSet<UInt32>.Span]
        fileprivate let v6: [NumberSet<UInt128>.Span]

        package var startIndex: Int { 0 }
        package var endIndex: Int { v4.count + v6.count }

        package subscript(index: Int) -> AddressRange {
            if index < v4.count { return AddressRange(lower: IPAddress(v4: v4[index].lower), upper: IPAddress(v4: v4[index].upper)) }
            let span = v6[index - v4.count]
            return AddressRange(lower: IPAddress(v6: span.lower), upper: IPAddress(v6: span.upper))
        }
    }

    /// Goes through the ranges of IPv4 in ascending order, as numbers in host order.
    package func forEachV4(_ body: (_ first: UInt32, _ last: UInt32) -> Void) {
        for span in v4.spans { body(span.lower, span.upper) }
    }

    /// Goes through the ranges of IPv6 in ascending order, as numbers in host order.
    package func forEachV6(_ body: (_ first: UInt128, _ last: UInt128) -> Void) {
        for span in v6.spans { body(span.lower, span.upper) }
    }

    /// How many of the ranges are of IPv4.
    package var v4RangeCount: Int { v4.spans.count }

    /// The addresses of one family.
    package func only(_ family: IPAddress.Family) -> AddressSet {
        switch family {
        case .v4: AddressSet(v4, NumberSet(sorted: []))
        case .v6: AddressSet(NumberSet(sorted: []), v6)
        }
    }

    /// Collects ranges in any order, overlapping or not, for a set of them.
    package struct Builder: Sendable {
        private var v4: [NumberSet<UInt32>.Span] = []
        private var v6: [NumberSet<UInt128>.Span] = []

        package init() {}

        package mutating func insert(_ range: AddressRange) {
            if let first = range.first.v4, let last = range.last.v4 {
                v4.add(NumberSet.Span(lower: first, upper: last))
            } else {
                v6.add(NumberSet.Span(lower: range.first.value, upper: range.last.value))
            }
        }

        package mutating func insert(_ set: AddressSet) {
            // Most unions are of one set.
            if v4.isEmpty { v4 = set.v4.spans } else { v4 += set.v4.spans }
            if v6.isEmpty { v6 = set.v6.spans } else { v6 += set.v6.spans }
        }

        package var set: AddressSet { AddressSet(NumberSet(v4), NumberSet(v6)) }
    }
}

// MARK: - Look-up

extension AddressSet {
    package func contains(_ address: IPAddress) -> Bool {
        address.v4.map(v4.contains) ?? v6.contains(address.value)
    }

    /// Whether the IPv4 address, a number in host order, is in the set. Made for the packet path.
    package func contains(v4 address: UInt32) -> Bool {
        v4.contains(address)
    }

    /// The address with this number; nil from `count` on.
    package func address(at offset: UInt64) -> IPAddress? {
        // There are no more of IPv4 than 2^32.
        let before = UInt64(v4.count)
        return offset < before ? v4.number(at: offset).map(IPAddress.init(v4:)) : v6.number(at: offset - before).map(IPAddress.init(v6:))
    }

    /// The number of the address; nil when it is not in the set, or its number does not fit 64 bits.
    package func offset(of address: IPAddress) -> UInt64? {
        if let address = address.v4 { return v4.offset(of: address) }
        return v6.offset(of: address.value).flatMap { UInt64(exactly: UInt128($0) + v4.count) }
    }

    /// The lowest run of addresses in this set that `allowed` does not hold; nil when it holds them all.
    package func firstRange(outside allowed: AddressSet) -> AddressRange? {
        if let span = v4.firstSpan(outside: allowed.v4) {
            return AddressRange(lower: IPAddress(v4: span.lower), upper: IPAddress(v4: span.upper))
        }
        return v6.firstSpan(outside: allowed.v6).map { AddressRange(lower: IPAddress(v6: $0.lower), upper: IPAddress(v6: $0.upper)) }
    }
}

// MARK: - Algebra

/// Linear in the number of ranges.
extension AddressSet {
    /// The addresses that are in either set.
    package func union(_ other: AddressSet) -> AddressSet {
        AddressSet(v4.union(other.v4), v6.union(other.v6))
    }

    /// The addresses of this set that are not in `other`.
    package func subtracting(_ other: AddressSet) -> AddressSet {
        AddressSet(v4.subtracting(other.v4), v6.subtracting(other.v6))
    }

    /// The addresses that are in both sets.
    package func intersection(_ other: AddressSet) -> AddressSet {
        AddressSet(v4.intersection(other.v4), v6.intersection(other.v6))
    }
}
