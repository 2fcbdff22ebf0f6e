/// What a job scans, frozen at submission: every host at every port, and single endpoints outside that product. Every target occurs once.
package struct TargetSelection: Hashable, Sendable {
    /// The addresses that are scanned at all of `ports`; empty when `ports` is.
    package private(set) var hosts: AddressSet
    /// The ports that all of `hosts` are scanned at; empty when `hosts` is.
    package private(set) var ports: PortSet
    /// Single targets, none of them in the product.
    package private(set) var endpoints: EndpointSet

    /// Duplicates, endpoints that the product covers, and endpoints with port 0 fall out.
    package init(hosts: AddressSet, ports: PortSet, endpoints: [Endpoint]) {
        self.init(
            hosts: hosts, ports: ports, outside: EndpointSet(endpoints.filter { !(hosts.contains($0.address) && ports.contains($0.port)) }))
    }

    /// Callers guarantee that none of the endpoints is in the product.
    init(hosts: AddressSet, ports: PortSet, outside endpoints: EndpointSet) {
        let isEmpty = hosts.isEmpty || ports.isEmpty
        self.hosts = isEmpty ? AddressSet() : hosts
        self.ports = isEmpty ? PortSet() : ports
        self.endpoints = endpoints
    }

    /// The number of targets, `UInt128.max` where it does not fit.
    package var targetCount: UInt128 {
        hosts.count.saturatingMultiply(UInt128(ports.count)).saturatingAdd(UInt128(endpoints.count))
    }

    package var isEmpty: Bool { hosts.isEmpty && endpoints.isEmpty }

    /// Every address that has a target.
    package var addresses: AddressSet {
        hosts.union(endpoints.addresses)
    }

    /// Every port that a target has.
    package var allPorts: PortSet {
        ports.union(endpoints.ports)
    }

    package func contains(_ target: Endpoint) -> Bool {
        productContains(target) || endpoints.index(of: target) != nil
    }

    /// Whether the target is one of hosts × ports.
    func productContains(_ target: Endpoint) -> Bool {
        hosts.contains(target.address) && ports.contains(target.port)
    }
}
