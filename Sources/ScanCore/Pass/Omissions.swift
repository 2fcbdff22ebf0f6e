package import ScanTargets

/// Which probes of a chunk were left out, and why: the one place that an untested target's reason comes from while its run goes on.
///
/// A round goes through the positions in order, so each entry is a stretch of one round and the addresses that were left out in it for one reason.
/// A target that was left out in every round is untested; one that was probed at least once and said nothing is filtered.
package struct Omissions: Sendable, Equatable {
    package struct Stretch: Equatable {
        package var round: Int
        package var positions: Range<UInt64>
        package var reason: Reason
        package var addresses: AddressSet
    }

    /// Addresses that are left out for the same reason.
    package struct Part: Sendable {
        package var addresses: AddressSet
        package var reason: Reason

        package init(_ addresses: AddressSet, _ reason: Reason) {
            self.addresses = addresses
            self.reason = reason
        }
    }

    /// By round, position and reason; those of one round and reason do not overlap, nor do the addresses of those that begin together.
    package private(set) var stretches: [Stretch] = []

    package init() {}

    package var isEmpty: Bool { stretches.isEmpty }

    /// From `positions.lowerBound` of a round on, the addresses of `parts`, which do not overlap, are left out. Takes the place of what was noted of this
    /// and later positions.
    package mutating func begin(_ round: Int, _ positions: Range<UInt64>, leavingOut parts: [Part]) {
        forget(from: round, positions.lowerBound)
        guard !positions.isEmpty else { return }
        for part in parts.sorted(by: { $0.reason.rawValue < $1.reason.rawValue }) where !part.addresses.isEmpty {
            stretches.append(Stretch(round: round, positions: positions, reason: part.reason, addresses: part.addresses))
        }
    }

    /// The round goes on at `position`, once more.
    private mutating func forget(from round: Int, _ position: UInt64) {
        while let last = stretches.last, last.round > round || last.round == round && last.positions.lowerBound >= position {
            stretches.removeLast()
        }
        for index in stretches.indices.reversed() {
            guard stretches[index].round == round, stretches[index].positions.upperBound > position else { return }
            stretches[index].positions = stretches[index].positions.lowerBound..<position
        }
    }

    /// Why the probe for the target at `position` was left out in each of `rounds` rounds, the last reason; nil when it was not.
    package func reason(inAll rounds: Int, of position: UInt64, at address: IPAddress) -> Reason? {
        var (count, reason): (Int, Reason?) = (0, nil)
        for stretch in stretches where stretch.positions.contains(position) && stretch.addresses.contains(address) {
            count += 1
            reason = stretch.reason
        }
        return count == rounds ? reason : nil
    }

    /// Addresses that were left out in each of so many rounds, at some position.
    package func leftOut(in rounds: Int) -> AddressSet {
        let byRound = Dictionary(grouping: stretches, by: \.round).mapValues { AddressSet(joining: $0.lazy.map(\.addresses)) }
        guard rounds > 0, let first = byRound[0] else { return AddressSet() }
        return (1..<rounds).reduce(first) { $0.intersection(byRound[$1] ?? AddressSet()) }
    }
}

extension Omissions {
    /// As words, for a checkpoint: the number of stretches, then each with its ranges of addresses.
    package var words: [UInt64] {
        stretches.reduce(into: [UInt64(stretches.count)]) { words, stretch in
            let ranges = stretch.addresses.ranges
            let head = UInt64(stretch.round) | Self.number(of: stretch.reason) << 32
            words += [head, stretch.positions.lowerBound, stretch.positions.upperBound, UInt64(ranges.count)]
            for range in ranges {
                words.append(UInt64(range.first.family.rawValue))
                for value in [range.first.value, range.last.value] {
                    words += [UInt64(truncatingIfNeeded: value >> 64), UInt64(truncatingIfNeeded: value)]
                }
            }
        }
    }

    /// Checkpoints of the versions before have no reason, and no other.
    fileprivate static func number(of reason: Reason) -> UInt64 { reason == .excluded ? 0 : UInt64(reason.rawValue) + 1 }

    /// Nil for words that `words` did not make.
    package init?(words: ArraySlice<UInt64>) {
        var rest = words
        guard let count = rest.popFirst(), count <= rest.count else { return nil }
        for _ in 0..<count {
            guard let stretch = Stretch(reading: &rest), stretches.last.map({ $0.isBefore(stretch) }) ?? true else { return nil }
            stretches.append(stretch)
        }
        guard rest.isEmpty else { return nil }
    }
}

extension Omissions.Stretch {
    fileprivate func isBefore(_ next: Omissions.Stretch) -> Bool {
        guard round == next.round else { return round < next.round }
        return positions == next.positions ? reason.rawValue < next.reason.rawValue : positions.upperBound <= next.positions.lowerBound
    }

    fileprivate init?(reading words: inout ArraySlice<UInt64>) {
        guard let head = words.popFirst(), let reason = Self.reason(of: head >> 32),
            let lower = words.popFirst(), let upper = words.popFirst(), lower < upper, let count = words.popFirst(), count > 0,
            count <= words.count / 5
        else { return nil }
        var ranges: [AddressRange] = []
        for _ in 0..<count {
            guard let range = AddressRange(reading: &words) else { return nil }
            ranges.append(range)
        }
        self.init(round: Int(head & 0xffff_ffff), positions: lower..<upper, reason: reason, addresses: AddressSet(ranges))
        // Ranges that overlap or touch are not how a set is written.
        guard addresses.ranges.elementsEqual(ranges) else { return nil }
    }

    private static func reason(of number: UInt64) -> Reason? {
        Reason.allCases.first { Omissions.number(of: $0) == number }
    }
}

extension AddressRange {
    fileprivate init?(reading words: inout ArraySlice<UInt64>) {
        guard let family = words.popFirst().flatMap({ UInt8(exactly: $0) }).flatMap(IPAddress.Family.init(rawValue:)),
            let first = IPAddress(family, reading: &words), let last = IPAddress(family, reading: &words)
        else { return nil }
        self.init(first: first, last: last)
    }
}

extension IPAddress {
    fileprivate init?(_ family: Family, reading words: inout ArraySlice<UInt64>) {
        guard let high = words.popFirst(), let low = words.popFirst() else { return nil }
        switch family {
        case .v6: self.init(v6: UInt128(high) << 64 | UInt128(low))
        case .v4:
            guard high == 0, let address = UInt32(exactly: low) else { return nil }
            self.init(v4: address)
        }
    }
}
