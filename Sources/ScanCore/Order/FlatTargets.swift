import ScanTargets

/// The IPv4 part of hosts × ports in flat memory, for the packet path. Immutable; any thread.
package final class FlatTargets: @unchecked Sendable {
    // Unchecked: the memory is allocated and filled here, freed in deinit, and never written in between.
    private let lasts: UnsafeMutablePointer<UInt32>
    private let ports: FlatPorts
    private let hostNumbers: FlatSearch<UInt64>
    private let addresses: FlatSearch<UInt32>
    package let view: View

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
        let ranges = hosts.v4RangeCount
        let lasts = UnsafeMutablePointer<UInt32>.allocate(capacity: ranges + 1)
        ports = FlatPorts(portSet)
        addresses = FlatSearch(count: ranges) { firsts in
            var next = 0
            hosts.forEachV4 { first, last in
                firsts[next] = first
                (lasts + next).initialize(to: last)
                next += 1
            }
        }
        let firsts = addresses.view.numbers
        var count: UInt64 = 0
        hostNumbers = FlatSearch(count: ranges) { numbers in
            for range in 0..<ranges {
                numbers[range] = count
                count += UInt64(lasts[range] - firsts[range]) + 1
            }
        }
        self.lasts = lasts
        view = View(
            count: count * UInt64(portSet.count), portCount: FixedDivisor(UInt64(portSet.count)), firsts: firsts, lasts: lasts,
            numbers: hostNumbers.view.numbers, ports: ports.view, hostNumbers: hostNumbers.view, addresses: addresses.view)
    }

    deinit {
        lasts.deallocate()
    }
}
