package import ScanTargets

/// Which lane an IPv4 address goes by at present. Made anew when the scope changes; immutable.
package final class WayTable {
    private let search: FlatSearch<UInt32>
    private let lasts: UnsafeMutablePointer<UInt32>
    private let lanes: UnsafeMutablePointer<Int32>
    package let view: View

    /// What look-ups need, to be copied into a local variable; valid as long as its table.
    package struct View: @unchecked Sendable {
        // Unchecked: points to memory that is never written again.
        fileprivate let search: FlatSearch<UInt32>.View
        fileprivate let lasts: UnsafeMutablePointer<UInt32>
        fileprivate let lanes: UnsafeMutablePointer<Int32>

        /// The number of the lane; minus one for an address that may not or cannot be probed.
        @inline(__always)
        package func lane(for address: UInt32) -> Int {
            let range = search.index(ofLastNotAbove: address)
            guard range >= 0, address <= lasts[range] else { return -1 }
            return Int(lanes[range])
        }
    }

    /// Each lane has the part of its destinations that `allowed` holds.
    package init(_ destinations: [AddressSet], allowed: AddressSet) {
        var ranges: [(first: UInt32, last: UInt32, lane: Int32)] = []
        for (lane, destinations) in destinations.enumerated() {
            for range in destinations.intersection(allowed).ranges {
                guard let first = range.first.v4, let last = range.last.v4 else { continue }
                ranges.append((first, last, Int32(lane)))
            }
        }
        ranges.sort { $0.first < $1.first }
        search = FlatSearch(ranges.map(\.first))
        lasts = .allocate(capacity: ranges.count + 1)
        lanes = .allocate(capacity: ranges.count + 1)
        for (index, range) in ranges.enumerated() {
            (lasts + index).initialize(to: range.last)
            (lanes + index).initialize(to: range.lane)
        }
        view = View(search: search.view, lasts: lasts, lanes: lanes)
    }

    deinit {
        lasts.deallocate()
        lanes.deallocate()
    }
}
