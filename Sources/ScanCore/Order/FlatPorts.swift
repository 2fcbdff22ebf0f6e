import ScanTargets

/// A job's ports in flat memory, for the packet path. Immutable; any thread.
///
/// A single range is counted through: a table of all ports is larger than a processor's first cache, and the order goes through it at random.
final class FlatPorts: @unchecked Sendable {
    // Unchecked: the memory is allocated and filled here, freed in deinit, and never written in between.
    private let ports: UnsafeMutablePointer<UInt16>
    /// One more than a port's place among the ports; 0 for one that is not among them.
    private let ranks: UnsafeMutablePointer<UInt32>
    let view: View

    /// What look-ups need, to be copied into a local variable; valid as long as its `FlatPorts`.
    struct View: @unchecked Sendable {
        // Unchecked: points to memory that is never written again.
        fileprivate let isRange: Bool
        fileprivate let first: UInt32
        fileprivate let count: UInt32
        fileprivate let ports: UnsafeMutablePointer<UInt16>
        fileprivate let ranks: UnsafeMutablePointer<UInt32>

        /// The port in this place, which is below their number.
        @inline(__always)
        func port(at place: UInt64) -> UInt16 {
            isRange ? UInt16(truncatingIfNeeded: first &+ UInt32(truncatingIfNeeded: place)) : ports[Int(truncatingIfNeeded: place)]
        }

        /// The place of a port; nil when it is not among them.
        @inline(__always)
        func place(of port: UInt16) -> UInt64? {
            let place = isRange ? UInt32(port) &- first : ranks[Int(port)] &- 1
            return place < count ? UInt64(place) : nil
        }
    }

    init(_ set: PortSet) {
        let isRange = set.ranges.count == 1
        ports = .allocate(capacity: isRange ? 1 : set.count + 1)
        ranks = .zeros(1 << 16)
        if !isRange {
            for (place, port) in set.enumerated() {
                (ports + place).initialize(to: port)
                ranks[Int(port)] = UInt32(place) + 1
            }
        }
        view = View(
            isRange: isRange, first: UInt32(set.ranges.first?.lowerBound ?? 0), count: UInt32(set.count), ports: ports, ranks: ranks)
    }

    deinit {
        ports.deallocate()
        ranks.deallocate()
    }
}
