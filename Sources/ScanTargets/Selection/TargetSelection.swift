/// What a job scans, frozen at submission: every host at every port, and single endpoints outside that product. Every target occurs once.
package struct TargetSelection: Hashable, Sendable {
    /// The addresses that are scanned at all of `ports`; empty when `ports` is.
    package private(set) var hosts: AddressSet
    /// The ports that all of `hosts` are scanned at; empty when `hosts` is.
    package private(set) var ports: PortSet
    /// Single targets: sorted, unique, none of them in the product, none with port 0.
    package private(set) var endpoints: [Endpoint]

    /// Duplicates, endpoints that the product covers, and endpoints with port 0 fall out.
    package init(hosts: AddressSet, ports: PortSet, endpoints: [Endpoint]) {
        let isEmpty = hosts.isEmpty || ports.isEmpty
        self.hosts = isEmpty ? AddressSet() : hosts
        self.ports = isEmpty ? PortSet() : ports
        self.endpoints = endpoints.filter { $0.port != 0 && !(hosts.contains($0.address) && ports.contains($0.port)) }.sortedUnique()
    }

    /// The number of targets, `UInt128.max` where it does not fit.
    package var targetCount: UInt128 {
        hosts.count.saturatingMultiply(UInt128(ports.count)).saturatingAdd(UInt128(endpoints.count))
    }

    package var isEmpty: Bool { hosts.isEmpty && endpoints.isEmpty }

    /// Every address that has a target.
    package var addresses: AddressSet {
        hosts.union(AddressSet(endpoints.map { AddressRange($0.address) }))
    }

    package func contains(_ target: Endpoint) -> Bool {
        productContains(target) || endpoints.sortedIndex(ofLastNotAbove: target).map { endpoints[$0] } == target
    }

    /// Whether the target is one of hosts × ports.
    func productContains(_ target: Endpoint) -> Bool {
        hosts.contains(target.address) && ports.contains(target.port)
    }
}

extension [Endpoint] {
    fileprivate func sortedUnique() -> [Endpoint] {
        sorted().reduce(into: []) { unique, next in
            if unique.last != next { unique.append(next) }
        }
    }
}
