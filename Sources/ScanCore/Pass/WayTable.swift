package import ScanTargets

/// Which lane an address goes by at present, and to which hardware address. Made anew when the scope or a neighbour changes; immutable.
package final class WayTable {
    private let v4: Part<UInt32>
    private let v6: Part<UInt128>
    package let view: View

    /// Addresses that go by one lane.
    package struct Stretch: Sendable {
        package var lane: Int
        package var hops: Hops

        package init(_ addresses: AddressSet, lane: Int, hop: UInt64 = 0) {
            self.init(.same(addresses, hop), lane: lane)
        }

        package init(_ hops: Hops, lane: Int) {
            (self.lane, self.hops) = (lane, hops)
        }
    }

    /// Addresses with the hardware address that their frames begin with, as a number; zero where the lane's frames have the right one.
    package enum Hops: Sendable {
        case same(AddressSet, UInt64)
        /// One for each address, in ascending order.
        case each([Neighbor])
    }

    package struct Neighbor: Sendable, BitwiseCopyable {
        package var address: IPAddress
        package var hop: UInt64

        package init(_ address: IPAddress, _ hop: UInt64) {
            (self.address, self.hop) = (address, hop)
        }
    }

    /// What is known of an address.
    package struct Way: Sendable, BitwiseCopyable, Equatable {
        /// The lane above the 48 bits of the hardware address: there may be millions of ways.
        @usableFromInline package let bits: UInt64

        @inlinable
        package init(lane: Int, hop: UInt64 = 0) {
            bits = UInt64(truncatingIfNeeded: lane) << 48 | hop & Self.hopBits
        }

        @usableFromInline static var hopBits: UInt64 { 0xffff_ffff_ffff }

        /// The number of the lane, below 32,768; minus one for an address that may not or cannot be probed.
        @inlinable
        package var lane: Int { Int(Int64(bitPattern: bits) >> 48) }

        @inlinable
        package var hop: UInt64 { bits & Self.hopBits }

        @inline(__always)
        package static var none: Way { Way(lane: -1, hop: 0) }
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

    /// Each stretch has the part of its addresses that `allowed` holds. Stretches do not overlap. One pass over both: there may be as many neighbours as
    /// hosts on a link, and as many ranges as somebody has denied.
    package init(_ stretches: [Stretch], allowed: AddressSet) {
        var v4: [Entry<UInt32>] = []
        var v6: [Entry<UInt128>] = []
        for stretch in stretches {
            switch stretch.hops {
            case .same(let addresses, let hop):
                let way = Way(lane: stretch.lane, hop: hop)
                let addresses = addresses.intersection(allowed)
                v4.reserveCapacity(v4.count + addresses.v4RangeCount)
                addresses.forEachV4 { v4.append(Entry(first: $0, last: $1, way: way)) }
                addresses.forEachV6 { v6.append(Entry(first: $0, last: $1, way: way)) }
            case .each(let neighbors):
                for neighbor in neighbors where allowed.contains(neighbor.address) {
                    let way = Way(lane: stretch.lane, hop: neighbor.hop)
                    if let address = neighbor.address.v4 {
                        v4.append(Entry(first: address, last: address, way: way))
                    } else {
                        v6.append(Entry(first: neighbor.address.value, last: neighbor.address.value, way: way))
                    }
                }
            }
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

    init(_ unsorted: [Entry<Address>]) {
        // Those of one stretch are in order already.
        let isSorted = unsorted.indices.dropFirst().allSatisfy { unsorted[$0 - 1].first < unsorted[$0].first }
        let entries = isSorted ? unsorted : unsorted.sorted { $0.first < $1.first }
        search = FlatSearch(count: entries.count) { firsts in
            for (index, entry) in entries.enumerated() { firsts[index] = entry.first }
        }
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
