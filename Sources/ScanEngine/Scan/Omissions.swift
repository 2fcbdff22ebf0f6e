package import ScanTargets

/// Which probes of a chunk were left out, because scope or routes did not let them go.
///
/// A round goes through the positions in order, so each entry is a stretch of one round and the addresses that were left out in it. A target
/// that was left out in every round is untested; one that was probed at least once and said nothing is filtered.
package struct Omissions: Sendable, Equatable {
    struct Stretch: Equatable {
        var round: Int
        var positions: Range<UInt64>
        var addresses: AddressSet
    }

    /// By round, then by position; those of one round do not overlap.
    private(set) var stretches: [Stretch] = []

    package init() {}

    package var isEmpty: Bool { stretches.isEmpty }

    /// From `positions.lowerBound` of a round on, `addresses` are left out. Takes the place of what was noted of this and later positions.
    package mutating func begin(_ round: Int, _ positions: Range<UInt64>, leavingOut addresses: AddressSet) {
        forget(from: round, positions.lowerBound)
        guard !addresses.isEmpty, !positions.isEmpty else { return }
        stretches.append(Stretch(round: round, positions: positions, addresses: addresses))
    }

    /// The round goes on at `position`, once more.
    private mutating func forget(from round: Int, _ position: UInt64) {
        while let last = stretches.last, last.round > round || last.round == round && last.positions.lowerBound >= position {
            stretches.removeLast()
        }
        guard let last = stretches.indices.last, stretches[last].round == round, stretches[last].positions.upperBound > position else {
            return
        }
        stretches[last].positions = stretches[last].positions.lowerBound..<position
    }

    /// Whether the probe for the target at `position` was left out in each of `rounds` rounds.
    package func wereAll(_ rounds: Int, of position: UInt64, at address: IPAddress) -> Bool {
        stretches.count { $0.positions.contains(position) && $0.addresses.contains(address) } == rounds
    }
}

extension Omissions {
    /// As words, for a checkpoint: the number of stretches, then each with its ranges of addresses.
    var words: [UInt64] {
        stretches.reduce(into: [UInt64(stretches.count)]) { words, stretch in
            let ranges = stretch.addresses.ranges
            words += [UInt64(stretch.round), stretch.positions.lowerBound, stretch.positions.upperBound, UInt64(ranges.count)]
            for range in ranges {
                words.append(UInt64(range.first.family.rawValue))
                for value in [range.first.value, range.last.value] {
                    words += [UInt64(truncatingIfNeeded: value >> 64), UInt64(truncatingIfNeeded: value)]
                }
            }
        }
    }

    /// Nil for words that `words` did not make.
    init?(words: ArraySlice<UInt64>) {
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
        round < next.round || round == next.round && positions.upperBound <= next.positions.lowerBound
    }

    fileprivate init?(reading words: inout ArraySlice<UInt64>) {
        guard let round = words.popFirst().flatMap({ Int(exactly: $0) }), let lower = words.popFirst(), let upper = words.popFirst(),
            lower < upper, let count = words.popFirst(), count > 0, count <= words.count / 5
        else { return nil }
        var ranges: [AddressRange] = []
        for _ in 0..<count {
            guard let range = AddressRange(reading: &words) else { return nil }
            ranges.append(range)
        }
        self.init(round: round, positions: lower..<upper, addresses: AddressSet(ranges))
        // Ranges that overlap or touch are not how a set is written.
        guard addresses.ranges == ranges else { return nil }
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
