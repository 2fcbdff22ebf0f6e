package import ScanTargets

/// All targets of a job, numbered 0 ..< count: hosts × ports host by host, then the explicit endpoints.
///
/// The numbering depends on the selection alone, so an interrupted job finds its targets again.
package struct ProbeSpace: Sendable {
    /// At most 2^63.
    package let count: UInt64
    private let productCount: UInt64
    private let portCount: UInt64
    private let flat: FlatTargets
    private let hosts: AddressSet
    private let ports: [UInt16]
    private let portSet: PortSet
    private let endpoints: EndpointSet

    /// Nil when there is no target or there are more than 2^63.
    package init?(_ selection: TargetSelection) {
        let total = selection.targetCount
        guard total > 0, total <= 1 << 63 else { return nil }
        count = UInt64(total)
        productCount = count - UInt64(selection.endpoints.count)
        hosts = productCount > 0 ? selection.hosts : AddressSet()
        portSet = selection.ports
        ports = selection.ports.ranges.flatMap { Array($0) }
        portCount = UInt64(max(1, ports.count))
        endpoints = selection.endpoints
        flat = FlatTargets(hosts, selection.ports)
    }

    /// The look-ups of the packet path: the first targets, those of IPv4 hosts. Valid as long as this space.
    @inline(__always)
    package var v4: FlatTargets.View { flat.view }

    /// The target numbered `index`; nil outside 0 ..< count.
    @inline(__always)
    package func target(at index: UInt64) -> Endpoint? {
        guard index < productCount else { return index < count ? endpoints.endpoint(at: Int(index - productCount)) : nil }
        let host = index / portCount
        guard let address = hosts.address(at: host) else { return nil }
        return Endpoint(address: address, port: ports[Int(truncatingIfNeeded: index &- host &* portCount)])
    }

    /// The number of `target`; nil when it is not one of this job's.
    @inline(__always)
    package func index(of target: Endpoint) -> UInt64? {
        if let host = hosts.offset(of: target.address), let port = portSet.index(of: target.port) {
            return host &* portCount &+ UInt64(port)
        }
        return endpoints.isEmpty ? nil : endpoints.index(of: target).map { productCount + UInt64($0) }
    }

    /// The numbers of all targets on the host of the target numbered `index`; of that one alone where it was named with its port.
    package func siblings(of index: UInt64) -> Range<UInt64> {
        guard index < productCount else { return index..<index + 1 }
        let first = index / portCount * portCount
        return first..<first + portCount
    }

    /// How many of the job's targets are on the host.
    package func portCount(of address: IPAddress) -> Int {
        (hosts.contains(address) ? ports.count : 0) + endpoints.ports(of: address).count
    }
}
