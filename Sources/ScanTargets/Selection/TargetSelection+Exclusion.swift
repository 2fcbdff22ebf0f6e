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

    /// How many endpoints an exclusion may turn a product into: 4,194,304, which take 128 MiB.
    package static let expansionLimit = 1 << 22

    /// Leaves targets out. A host that loses single ports leaves the product, and its other ports become endpoints.
    ///
    /// Throws, and changes nothing, when no target is left, naming the first exclusion that has this effect together with those before it;
    /// and when more than `expansionLimit` endpoints would come into being. An empty selection stays empty without an error.
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
        let addresses = AddressSet(exclusions.flatMap(\.addresses.ranges))
        let ports = PortSet(exclusions.flatMap(\.ports.ranges))
        return TargetSelection(
            hosts: hosts.subtracting(addresses), ports: self.ports.subtracting(ports),
            endpoints: endpoints.filter { !addresses.contains($0.address) && !ports.contains($0.port) })
    }

    /// Leaves out single targets; nil when the limit is exceeded.
    private func excluding(_ singles: Set<Endpoint>) -> TargetSelection? {
        let inProduct = singles.filter(productContains)
        let sharedPorts = ports.subtracting(portsLostByAllHosts(inProduct))
        let lostByHost = Dictionary(grouping: inProduct.filter { sharedPorts.contains($0.port) }, by: \.address)
        let expansion = lostByHost.values.reduce(0) { $0 + sharedPorts.count - $1.count }
        guard expansion <= Self.expansionLimit else { return nil }
        let split = lostByHost.sorted { $0.key < $1.key }.flatMap { address, lost in
            sharedPorts.subtracting(PortSet(lost.map { $0.port...$0.port })).map { Endpoint(address: address, port: $0) }
        }
        return TargetSelection(
            hosts: hosts.subtracting(AddressSet(lostByHost.keys.map(AddressRange.init))), ports: sharedPorts,
            endpoints: endpoints.filter { !singles.contains($0) } + split)
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
            problem: "leaving out single ports of so many hosts gives more than \(Self.expansionLimit) single targets",
            remedy: "leave out whole addresses or whole ports, or scan fewer ports")
    }
}
