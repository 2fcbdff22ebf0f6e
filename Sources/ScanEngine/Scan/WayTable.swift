package import ScanTargets

/// Which lane an address goes by at present, and to which hardware address. Made anew when the scope or a neighbour changes; immutable.
package final class WayTable {
    private let v4: Part<UInt32>
    private let v6: Part<UInt128>
    package let view: View

    /// Addresses that go by one lane.
    package struct Stretch: Sendable {
        package var addresses: AddressSet
        package var lane: Int
        /// The hardware address that their frames begin with, as a number; zero where the lane's frames have the right one.
        package var hop: UInt64

        package init(_ addresses: AddressSet, lane: Int, hop: UInt64 = 0) {
            (self.addresses, self.lane, self.hop) = (addresses, lane, hop)
        }
    }

    /// What is known of an address.
    package struct Way: Sendable, BitwiseCopyable, Equatable {
        /// The number of the lane; minus one for an address that may not or cannot be probed.
        package var lane: Int
        package var hop: UInt64

        package init(lane: Int, hop: UInt64 = 0) {
            (self.lane, self.hop) = (lane, hop)
        }

        @inline(__always)
        static var none: Way { Way(lane: -1, hop: 0) }
    }

    /// What look-ups need, to be copied into a local variable; valid as long as its table.
    package struct View: Sendable {
        fileprivate let v4: Part<UInt32>.View
        fileprivate let v6: Part<UInt128>.View

        @inline(__always)
        package func way(for address: UInt32) -> Way { v4.way(for: address) }

        @inline(__always)
        package func way(for address: UInt128) -> Way { v6.way(for: address) }

        package func way(for address: IPAddress) -> Way {
            if let number = address.v4 { way(for: number) } else { way(for: address.value) }
        }
    }

    /// Each stretch has the part of its addresses that `allowed` holds. Stretches do not overlap.
    package convenience init(_ stretches: [Stretch], allowed: AddressSet) {
        self.init(
            stretches.flatMap { stretch in
                let way = Way(lane: stretch.lane, hop: stretch.hop)
                return stretch.addresses.ranges.map { Piece($0, way) }
            }, allowed: allowed)
    }

    /// A range of addresses that all go one way.
    package struct Piece: Sendable {
        package var range: AddressRange
        package var way: Way

        package init(_ range: AddressRange, _ way: Way) {
            (self.range, self.way) = (range, way)
        }
    }

    /// Each piece, in any order, has the part of its addresses that `allowed` holds. Pieces do not overlap. One pass over both once they are sorted:
    /// there may be as many pieces as hosts on a link, and as many ranges as somebody has denied.
    package convenience init(_ pieces: [Piece], allowed: AddressSet) {
        var steps = 0
        self.init(pieces, allowed: allowed, steps: &steps)
    }

    /// `steps` counts how often a piece was held against a range.
    package init(_ pieces: [Piece], allowed: AddressSet, steps: inout Int) {
        let pieces = pieces.sorted { $0.range.first < $1.range.first }
        let ranges = allowed.ranges
        var v4: [Entry<UInt32>] = []
        var v6: [Entry<UInt128>] = []
        var (mine, theirs) = (0, 0)
        while mine < pieces.count, theirs < ranges.count {
            steps += 1
            let (piece, range) = (pieces[mine].range, ranges[theirs])
            let (first, last) = (max(piece.first, range.first), min(piece.last, range.last))
            if first <= last {
                let way = pieces[mine].way
                if let first = first.v4, let last = last.v4 {
                    v4.append(Entry(first: first, last: last, way: way))
                } else {
                    v6.append(Entry(first: first.value, last: last.value, way: way))
                }
            }
            if piece.last < range.last { mine += 1 } else { theirs += 1 }
        }
        self.v4 = Part(v4)
        self.v6 = Part(v6)
        view = View(v4: self.v4.view, v6: self.v6.view)
    }
}

/// The addresses `first`...`last` and their way.
private struct Entry<Address: Comparable> {
    let first: Address
    let last: Address
    let way: WayTable.Way
}

/// The ways of one family.
private final class Part<Address: FixedWidthInteger & UnsignedInteger & Sendable & BitwiseCopyable> {
    private let search: FlatSearch<Address>
    private let lasts: UnsafeMutablePointer<Address>
    private let ways: UnsafeMutablePointer<WayTable.Way>
    let view: View

    struct View: @unchecked Sendable {
        // Unchecked: points to memory that is never written again.
        fileprivate let search: FlatSearch<Address>.View
        fileprivate let lasts: UnsafeMutablePointer<Address>
        fileprivate let ways: UnsafeMutablePointer<WayTable.Way>

        @inline(__always)
        func way(for address: Address) -> WayTable.Way {
            let range = search.index(ofLastNotAbove: address)
            guard range >= 0, address <= lasts[range] else { return .none }
            return ways[range]
        }
    }

    /// The entries are sorted.
    init(_ entries: [Entry<Address>]) {
        search = FlatSearch(entries.map(\.first))
        lasts = .allocate(capacity: entries.count + 1)
        ways = .allocate(capacity: entries.count + 1)
        for (index, entry) in entries.enumerated() {
            (lasts + index).initialize(to: entry.last)
            (ways + index).initialize(to: entry.way)
        }
        view = View(search: search.view, lasts: lasts, ways: ways)
    }

    deinit {
        lasts.deallocate()
        ways.deallocate()
    }
}
