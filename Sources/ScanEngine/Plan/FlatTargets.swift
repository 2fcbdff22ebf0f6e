import ScanTargets

/// The IPv4 part of hosts × ports in flat memory, for the packet path. Immutable; any thread.
package final class FlatTargets: @unchecked Sendable {
    // Unchecked: the memory is allocated and filled here, freed in deinit, and never written in between.
    private let firsts: UnsafeMutablePointer<UInt32>
    private let lasts: UnsafeMutablePointer<UInt32>
    private let ports: FlatPorts
    private let hostNumbers: FlatSearch<UInt64>
    private let addresses: FlatSearch<UInt32>
    let view: View

    /// What look-ups need, to be copied into a local variable; valid as long as its `FlatTargets`.
    package struct View: @unchecked Sendable {
        // Unchecked: points to memory that is never written again.
        /// Targets, numbered from 0.
        package let count: UInt64
        fileprivate let portCount: FixedDivisor
        fileprivate let firsts: UnsafeMutablePointer<UInt32>
        fileprivate let lasts: UnsafeMutablePointer<UInt32>
        fileprivate let numbers: UnsafeMutablePointer<UInt64>
        fileprivate let ports: FlatPorts.View
        fileprivate let hostNumbers: FlatSearch<UInt64>.View
        fileprivate let addresses: FlatSearch<UInt32>.View

        /// The target numbered `index`, which is below `count`.
        @inline(__always)
        package func target(at index: UInt64) -> (address: UInt32, port: UInt16) {
            let host = portCount.quotient(of: index)
            // The first range's number is 0, so there is one that is not above.
            let range = hostNumbers.index(ofLastNotAbove: host)
            let address = firsts[range] &+ UInt32(truncatingIfNeeded: host &- numbers[range])
            return (address, ports.port(at: index &- host &* portCount.divisor))
        }

        /// The number of a target; nil when it is none of these.
        @inline(__always)
        package func index(of address: UInt32, _ port: UInt16) -> UInt64? {
            let range = addresses.index(ofLastNotAbove: address)
            guard range >= 0, address <= lasts[range], let place = ports.place(of: port) else { return nil }
            return (numbers[range] &+ UInt64(address &- firsts[range])) &* portCount.divisor &+ place
        }
    }

    init(_ hosts: AddressSet, _ portSet: PortSet) {
        let ranges = hosts.ranges.prefix { $0.first.family == .v4 }
        firsts = .allocate(capacity: ranges.count + 1)
        lasts = .allocate(capacity: ranges.count + 1)
        ports = FlatPorts(portSet)
        var offsets: [UInt64] = []
        offsets.reserveCapacity(ranges.count)
        var count: UInt64 = 0
        for (index, range) in ranges.enumerated() {
            (firsts + index).initialize(to: range.first.v4 ?? 0)
            (lasts + index).initialize(to: range.last.v4 ?? 0)
            offsets.append(count)
            count += UInt64(range.count)
        }
        hostNumbers = FlatSearch(offsets)
        addresses = FlatSearch(ranges.map { $0.first.v4 ?? 0 })
        view = View(
            count: count * UInt64(portSet.count), portCount: FixedDivisor(UInt64(portSet.count)), firsts: firsts, lasts: lasts,
            numbers: hostNumbers.view.numbers, ports: ports.view, hostNumbers: hostNumbers.view, addresses: addresses.view)
    }

    deinit {
        firsts.deallocate()
        lasts.deallocate()
    }
}
