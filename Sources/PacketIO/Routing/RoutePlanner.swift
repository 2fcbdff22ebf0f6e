import ScanCore
package import ScanTargets
import SystemPackage

/// Finds the ways to a job's addresses. Blocks for the kernel's answers: call it off the cooperative pool.
package enum RoutePlanner {
    /// So long a gateway may take to answer; the kernel asks for as long.
    private static let gatewayPatience = 3.0

    /// The ways to all addresses of a job, each address on one of them, but for those to which none leads: without a route, or behind a gateway that
    /// does not say its hardware address. Broadcast addresses are in neither; they are never probed.
    ///
    /// Throws when an interface that was asked for does not exist or is down, and when the source is not this machine's.
    package static func ways(to question: RouteQuestion) throws(EngineError) -> Ways {
        var netlink = try Netlink()
        let map = try map(question, &netlink)
        let gateways = gateways(in: map)
        let found = KernelNeighbors.resolve(gateways, &netlink, seconds: Self.gatewayPatience)
        var paths: [ScanPath] = []
        var unreached: [Unreached] = []
        for (key, destinations) in map {
            switch key {
            case .nothing(let cause): unreached.append(Unreached(addresses: destinations, ports: nil, cause: cause))
            case .way(let route, let interface):
                guard let path = path(route, destinations, interface, found) else {
                    unreached.append(Unreached(addresses: destinations, ports: nil, cause: silence(of: route, interface)))
                    continue
                }
                paths.append(path)
                unreached += route.leftOut.map { Unreached(addresses: destinations, ports: $0.ports, cause: $0.cause) }
            }
        }
        return Ways(
            paths: paths.sorted { first(of: $0.destinations) < first(of: $1.destinations) },
            unreached: unreached.sorted { first(of: $0.addresses) < first(of: $1.addresses) }, question: question, map: map,
            silent: gateways.filter { found[$0] == nil })
    }

    /// The paths to `addresses`. Throws as `ways` does, and when one of them has none.
    package static func paths(for addresses: AddressSet, _ narrowing: Narrowing = Narrowing()) throws(EngineError) -> [ScanPath] {
        let ways = try ways(to: RouteQuestion(addresses, at: PortSet(), narrowing))
        try ways.check(isStrict: true)
        return ways.paths
    }

    /// Some addresses that another way leads to by now; nil when there are none. Gateways are asked for anything only with `asksSilent`: then one that
    /// did not answer and does by now is a change. Throws as `ways` does.
    package static func change(of ways: Ways, asksSilent: Bool) throws(EngineError) -> AddressRange? {
        var netlink = try Netlink()
        let map = try map(ways.question, &netlink)
        if let changed = ways.difference(to: map) { return changed }
        guard asksSilent, !ways.silent.isEmpty, case let found = KernelNeighbors.resolve(ways.silent, &netlink), !found.isEmpty else {
            return nil
        }
        return ways.unreached.first { $0.cause.reason == .gatewaySilent }?.addresses.ranges.first
    }

    /// Whether the kernel sends to `address`, one of its destinations, as the path says. Asks nothing but that.
    package static func stillLeads(_ path: ScanPath, to address: IPAddress, _ narrowing: Narrowing, _ netlink: inout Netlink) -> Bool {
        // Rules by protocol or port decided: no single question says it again.
        guard !path.isByRule else { return true }
        let search = RouteSearch(
            interface: narrowing.interface == nil ? nil : path.interface, zone: path.interface, source: narrowing.source)
        // Rules for other protocols, which make the first answer one for UDP, are not read here.
        return [false, true].contains { isTCP in
            guard case .way(let route) = search.route(to: address, ports: nil, isTCP: isTCP, &netlink) else { return false }
            return route.interface == path.interface.index && route.source == path.source && route.nextHop == path.nextHop
        }
    }

    // MARK: - What the kernel says

    private static func map(_ question: RouteQuestion, _ netlink: inout Netlink) throws(EngineError) -> Ways.Map {
        let interfaces = try NetworkInterface.all(&netlink)
        let narrowing = question.narrowing
        var search = RouteSearch(
            interface: try narrowing.interface.map { name throws(EngineError) in try usable(name, among: interfaces) },
            zone: try narrowing.zone.map { name throws(EngineError) in try usable(name, among: interfaces) },
            source: try narrowing.source.map { source throws(EngineError) in try ownAddress(source, &netlink) },
            ports: question.ports, sourcePorts: question.sourcePorts)
        search.policies = IPsecPolicies.read()
        let boundaries = try RouteTable.boundaries(and: search.policies.destinations, &netlink)
        search.rules = boundaries.portRules
        var parts: [Ways.Key: AddressSet.Builder] = [:]
        var last: (interval: Int, key: Ways.Key?)?
        forEachStretch(of: question.addresses, boundaries) { stretch in
            // One question for all stretches between the same two boundaries.
            if let last, last.interval == stretch.interval, !stretch.isMultipath {
                if let key = last.key { parts[key, default: AddressSet.Builder()].insert(stretch.range) }
                return
            }
            for (range, answer) in search.answers(to: stretch, &netlink) {
                let key = key(answer, interfaces)
                if let key { parts[key, default: AddressSet.Builder()].insert(range) }
                last = (stretch.interval, key)
            }
        }
        // Where one way leads to all addresses, they share their memory with the question.
        return parts.mapValues { question.addresses.intersection($0.set) }
    }

    private static func key(_ answer: RouteSearch.Answer, _ interfaces: [Int32: NetworkInterface]) -> Ways.Key? {
        switch answer {
        case .nothing(let cause): return .nothing(cause)
        case .way(let route):
            guard route.kind != .broadcast else { return nil }
            guard let interface = interfaces[route.interface] else {
                return .nothing(.init(reason: .noRoute, words: "the interface of their route has gone: try again"))
            }
            guard interface.isUp else {
                return .nothing(.init(reason: .noRoute, words: "the interface \(interface.name) on the way there is down"))
            }
            return .way(route, interface)
        }
    }

    private static func first(of addresses: AddressSet) -> IPAddress { addresses.ranges.first?.first ?? IPAddress(v4: 0) }

    private static func usable(_ name: String, among interfaces: [Int32: NetworkInterface]) throws(EngineError) -> NetworkInterface {
        guard let found = interfaces.values.first(where: { $0.name == name }) else {
            let known = interfaces.values.map(\.name).sorted().joined(separator: ", ")
            throw EngineError(.unroutable, "There is no interface \(name.shortened(to: 100)): this machine has \(known).")
        }
        guard found.isUp else {
            throw EngineError(.unroutable, "The interface \(name) is down: bring it up with \"ip link set \(name) up\".")
        }
        return found
    }

    private static func ownAddress(_ source: IPAddress, _ netlink: inout Netlink) throws(EngineError) -> IPAddress {
        guard let route = try? RouteTable.route(to: source, interface: nil, source: nil, &netlink), route.kind == .local else {
            throw EngineError(.unroutable, "The source address \(source) is not this machine's: choose one that \"ip address\" shows.")
        }
        return source
    }

    /// Cuts `addresses` where the kernel's routing may change, and goes through the stretches in ascending order.
    private static func forEachStretch(
        of addresses: AddressSet, _ boundaries: RouteTable.Boundaries, _ body: (RouteSearch.Stretch) -> Void
    ) {
        let starts = boundaries.starts
        var next = 0
        func add(_ first: IPAddress, _ last: IPAddress, _ interval: Int) {
            guard let range = AddressRange(first: first, last: last) else { return }
            body(RouteSearch.Stretch(range: range, interval: interval, isMultipath: interval > 0 && boundaries.areMultipath[interval - 1]))
        }
        for range in addresses.ranges {
            var start = range.first
            while next < starts.count, starts[next] <= start { next += 1 }
            while next < starts.count, starts[next] <= range.last, let before = starts[next].previous {
                add(start, before, next)
                start = starts[next]
                next += 1
            }
            add(start, range.last, next)
        }
    }

    // MARK: - Paths

    /// Whether frames go to a gateway, and to which.
    private static func gateway(_ route: Route, _ interface: NetworkInterface) -> KernelNeighbors.Question? {
        guard route.kind == .unicast, route.policy == nil, interface.hasEthernet, let nextHop = route.nextHop else { return nil }
        return KernelNeighbors.Question(address: nextHop, interface: interface)
    }

    private static func gateways(in map: Ways.Map) -> [KernelNeighbors.Question] {
        Array(
            Set(
                map.keys.compactMap { key in
                    if case .way(let route, let interface) = key { gateway(route, interface) } else { nil }
                }))
    }

    private static func silence(of route: Route, _ interface: NetworkInterface) -> Unreached.Cause {
        let gateway = route.nextHop ?? route.source
        let asking = gateway.family == .v4 ? "ARP" : "neighbour solicitations"
        return .init(reason: .gatewaySilent, words: "the gateway \(gateway) on \(interface.name) does not answer \(asking)")
    }

    /// Nil where frames go to a gateway that was not found.
    private static func path(
        _ route: Route, _ destinations: AddressSet, _ interface: NetworkInterface, _ found: [KernelNeighbors.Question: HardwareAddress]
    ) -> ScanPath? {
        func path(_ hop: ScanPath.Hop, _ reason: String) -> ScanPath {
            ScanPath(
                destinations: destinations, interface: interface, source: route.source, scope: route.scope, hop: hop,
                tellsProtocol: route.tellsProtocol, isByRule: route.tellsProtocol || route.rule != nil,
                reason: route.rule.map { "\(reason), as rules by port say (\($0))" } ?? reason,
                nextHop: route.nextHop)
        }
        if route.kind == .local { return path(.kernel, "the machine's own address") }
        if let policy = route.policy { return path(.kernel, policy) }
        guard interface.hasEthernet else { return path(.kernel, "\(interface.name) has no Ethernet header") }
        guard let gateway = gateway(route, interface) else {
            guard interface.asksForNeighbors else { return path(.kernel, "\(interface.name) knows no hardware addresses (NOARP)") }
            return destinations.count <= NeighborSweep.mostAddresses
                ? path(.link, "on the link itself")
                : path(.kernel, "on the link itself, and more than \(NeighborSweep.mostAddresses) addresses: the kernel resolves each")
        }
        return found[gateway].map { path(.gateway(gateway.address, $0), "by way of a gateway on Ethernet") }
    }
}
