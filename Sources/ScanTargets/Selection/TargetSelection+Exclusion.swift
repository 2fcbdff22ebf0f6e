extension TargetSelection {
    /// Targets to leave out, with a name for people.
    package struct Exclusion: Sendable {
        /// What the exclusion is called in an error: `--exclude 10.0.0.0/8`, `deny.txt, line 3`.
        package var label: String
        /// Addresses that are left out at every port.
        package var addresses: AddressSet
        /// Single targets that are left out.
        package var endpoints: [Endpoint]
        /// Ports that are left out on every address.
        package var ports: PortSet

        package init(label: String, addresses: AddressSet = AddressSet(), endpoints: [Endpoint] = [], ports: PortSet = PortSet()) {
            self.label = label
            self.addresses = addresses
            self.endpoints = endpoints
            self.ports = ports
        }
    }

    /// How many ranges of ports an exclusion may leave of a product: 262,144, which take 4 MiB. Hosts that lose the same ports share them.
    package static let rangeLimit = 1 << 18

    /// Leaves targets out. A host that loses single ports leaves the product, and its other ports become endpoints.
    ///
    /// Throws, and changes nothing, when no target is left, naming the first exclusion that has this effect together with those before it;
    /// and when more than `rangeLimit` ranges of ports would come into being. An empty selection stays empty without an error.
    package mutating func exclude(_ exclusions: [Exclusion]) throws(ExpressionError) {
        guard !isEmpty, !exclusions.isEmpty else { return }
        guard !isEmptied(by: exclusions[...]) else { throw emptied(by: exclusions) }
        let singles = Set(exclusions.flatMap(\.endpoints))
        guard let rest = excludingWholes(exclusions[...]).excluding(singles) else { throw expanded(by: exclusions) }
        self = rest
    }

    /// What an exclusion leaves out by itself: whole addresses, and targets in all.
    package func taken(by exclusion: Exclusion) -> (addresses: UInt128, targets: UInt128) {
        let rest = excludingWholes([exclusion])
        let singles = Set(exclusion.endpoints).count(where: rest.contains)
        return (addresses.intersection(exclusion.addresses).count, targetCount - rest.targetCount + UInt128(singles))
    }

    /// Whether the exclusions leave nothing; answered without expanding the product.
    private func isEmptied(by exclusions: ArraySlice<Exclusion>) -> Bool {
        let rest = excludingWholes(exclusions)
        let singles = Set(exclusions.flatMap(\.endpoints))
        return rest.targetCount == UInt128(singles.count(where: rest.contains))
    }

    /// Leaves out whole addresses and whole ports.
    private func excludingWholes(_ exclusions: ArraySlice<Exclusion>) -> TargetSelection {
        let addresses = AddressSet(joining: exclusions.lazy.map(\.addresses))
        let ports = PortSet(exclusions.flatMap(\.ports.ranges))
        let rest = endpoints.groups.lazy.filter { !addresses.contains($0.address) }.map { ($0.address, $0.ports.subtracting(ports)) }
        return TargetSelection(
            hosts: hosts.subtracting(addresses), ports: self.ports.subtracting(ports),
            outside: addresses.isEmpty && ports.isEmpty ? endpoints : EndpointSet(Array(rest)))
    }

    /// Leaves out single targets; nil when the limit is exceeded.
    private func excluding(_ singles: Set<Endpoint>) -> TargetSelection? {
        guard !singles.isEmpty else { return self }
        let inProduct = singles.filter(productContains)
        let sharedPorts = ports.subtracting(portsLostByAllHosts(inProduct))
        let lostByHost = Self.portsByHost(inProduct.filter { sharedPorts.contains($0.port) })
        // What hosts have lost alike leaves them alike.
        var left: [PortSet: PortSet] = [:]
        var ranges = 0
        for lost in lostByHost.values where left[lost] == nil {
            let rest = sharedPorts.subtracting(lost)
            ranges += rest.ranges.count
            guard ranges <= Self.rangeLimit else { return nil }
            left[lost] = rest
        }
        let lostEndpoints = Self.portsByHost(singles.subtracting(inProduct))
        let others = endpoints.groups.map { address, ports in (address, lostEndpoints[address].map(ports.subtracting) ?? ports) }
        return TargetSelection(
            hosts: hosts.subtracting(AddressSet(lostByHost.keys.map(AddressRange.init))), ports: sharedPorts,
            outside: EndpointSet(others + lostByHost.map { address, lost in (address, left[lost] ?? PortSet()) }))
    }

    private static func portsByHost(_ endpoints: Set<Endpoint>) -> [IPAddress: PortSet] {
        Dictionary(grouping: endpoints, by: \.address).mapValues { group in PortSet(group.lazy.map { $0.port...$0.port }) }
    }

    /// The ports that `lost`, targets of the product, takes from every host: they need no expansion. One host is the usual case.
    private func portsLostByAllHosts(_ lost: Set<Endpoint>) -> PortSet {
        let hostsByPort = Dictionary(lost.map { ($0.port, UInt128(1)) }, uniquingKeysWith: +)
        return PortSet(hostsByPort.filter { $0.value == hosts.count }.map { $0.key...$0.key })
    }

    private func emptied(by exclusions: [Exclusion]) -> ExpressionError {
        let culprit = exclusions[exclusions.lastIndexOfShortestPrefix(satisfying: isEmptied)]
        return ExpressionError(
            asked: culprit.label, problem: "this exclusion leaves no target to scan", remedy: "leave out less, or add targets")
    }

    private func expanded(by exclusions: [Exclusion]) -> ExpressionError {
        let largest = exclusions.max { $0.endpoints.count < $1.endpoints.count }
        return ExpressionError(
            asked: largest?.label ?? "",
            problem: "leaving out different ports of so many hosts gives more than \(Self.rangeLimit) ranges of ports",
            remedy: "leave out whole addresses or whole ports, or scan fewer ports")
    }
}
