package import ScanTargets
import SystemPackage

/// Finds the ways to a job's addresses. Blocks for the kernel's answers: call it off the cooperative pool.
package enum RoutePlanner {
    /// The paths to `addresses`, each address on one of them. Broadcast addresses have none; they are never probed.
    ///
    /// Throws when a part has no route (the first such part is named), when an interface does not exist or is down, when the source is not this
    /// machine's, or when a gateway does not say its hardware address.
    package static func paths(for addresses: AddressSet, _ narrowing: Narrowing = Narrowing()) throws(EngineError) -> [ScanPath] {
        var netlink = try Netlink()
        let interfaces = try NetworkInterface.all(&netlink)
        var paths: [ScanPath] = []
        for (route, destinations) in try parts(of: addresses, narrowing, interfaces, &netlink) {
            guard let interface = interfaces[route.interface] else {
                throw EngineError(.unroutable, "The interface of the route to \(destinations.ranges[0]) has gone: try again.")
            }
            paths.append(try path(route, destinations, interface, &netlink))
        }
        return paths.sorted { first(of: $0) < first(of: $1) }
    }

    /// The first addresses that do not go by one of `paths` any more; nil when all do. Gateways are not asked for anything. Throws as `paths` does.
    package static func change(
        of paths: [ScanPath], for addresses: AddressSet, _ narrowing: Narrowing
    ) throws(EngineError) -> AddressRange? {
        var netlink = try Netlink()
        let interfaces = try NetworkInterface.all(&netlink)
        let parts = try parts(of: addresses, narrowing, interfaces, &netlink)
        return paths.first { path in
            !parts.contains { route, destinations in
                destinations == path.destinations && route.source == path.source && route.nextHop == path.nextHop
                    && route.interface == path.interface.index && interfaces[route.interface] == path.interface
            }
        }?.destinations.ranges.first
    }

    /// The job's addresses by the routes that they have.
    private static func parts(
        of addresses: AddressSet, _ narrowing: Narrowing, _ interfaces: [Int32: NetworkInterface], _ netlink: inout Netlink
    ) throws(EngineError) -> [(Route, AddressSet)] {
        var search = Search(
            interface: try narrowing.interface.map { name throws(EngineError) in try usable(name, among: interfaces) },
            zone: try narrowing.zone.map { name throws(EngineError) in try usable(name, among: interfaces) },
            source: try narrowing.source.map { source throws(EngineError) in try ownAddress(source, &netlink) })
        var parts: [Route: [AddressRange]] = [:]
        var answer: (interval: Int, route: Route)?
        for stretch in try stretches(of: addresses, &netlink) {
            // One question for all stretches between the same two boundaries.
            if let answer, answer.interval == stretch.interval, !stretch.isMultipath {
                if answer.route.kind != .broadcast { parts[answer.route, default: []].append(stretch.range) }
                continue
            }
            for (range, route) in try search.routes(to: stretch, &netlink) {
                if route.kind != .broadcast { parts[route, default: []].append(range) }
                answer = (stretch.interval, route)
            }
        }
        return parts.map { ($0.key, AddressSet($0.value)) }
    }

    private static func first(of path: ScanPath) -> IPAddress {
        path.destinations.ranges.first?.first ?? IPAddress(v4: 0)
    }

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

    /// A part of a job's addresses, with the number of the interval between two boundaries that it lies in.
    private struct Stretch {
        var range: AddressRange
        var interval: Int
        /// Whether each address may go another way.
        var isMultipath = false
    }

    /// Cuts `addresses` where the kernel's routing may change.
    private static func stretches(of addresses: AddressSet, _ netlink: inout Netlink) throws(EngineError) -> [Stretch] {
        let boundaries = try RouteTable.boundaries(&netlink)
        let starts = boundaries.starts
        var stretches: [Stretch] = []
        var next = 0
        func add(_ first: IPAddress, _ last: IPAddress, _ interval: Int) {
            guard let range = AddressRange(first: first, last: last) else { return }
            stretches.append(Stretch(range: range, interval: interval, isMultipath: interval > 0 && boundaries.areMultipath[interval - 1]))
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
        return stretches
    }

    /// The questions to the kernel, with what narrows them.
    private struct Search {
        var interface: NetworkInterface?
        var zone: NetworkInterface?
        var source: IPAddress?
        /// So many addresses of a job may still be asked for one by one where the kernel has several ways; beyond that, one way is taken for all of
        /// a stretch.
        var questions: UInt128 = 65_536

        /// The parts of a stretch with their routes; neighbours of the same route are one part.
        mutating func routes(to stretch: Stretch, _ netlink: inout Netlink) throws(EngineError) -> [(AddressRange, Route)] {
            guard stretch.isMultipath, stretch.range.count <= questions else {
                return [(stretch.range, try route(to: stretch.range, &netlink))]
            }
            questions -= stretch.range.count
            var parts: [(AddressRange, Route)] = []
            var address: IPAddress? = stretch.range.first
            while let here = address, here <= stretch.range.last {
                let route = try route(to: AddressRange(here), &netlink)
                if let last = parts.last, last.1 == route, let longer = AddressRange(first: last.0.first, last: here) {
                    parts[parts.count - 1].0 = longer
                } else {
                    parts.append((AddressRange(here), route))
                }
                address = here.next
            }
            return parts
        }

        private func route(to stretch: AddressRange, _ netlink: inout Netlink) throws(EngineError) -> Route {
            let isLinkLocal = Narrowing.linkLocal?.contains(stretch.first) == true
            let interface = isLinkLocal ? zone ?? self.interface : self.interface
            guard interface != nil || !isLinkLocal else {
                throw EngineError(
                    .unroutable, "\(stretch) is link-local: say on which interface, as in \(stretch.first)%eth0, or with --interface.")
            }
            let via = interface.map { " through \($0.name)" } ?? ""
            // A source of the other family says nothing about these.
            let source = source?.family == stretch.first.family ? source : nil
            do {
                // A machine's own addresses are reached through loopback, whichever interface was asked for; a link-local one is only the machine's
                // own on the link that it was given on.
                if interface != nil, !isLinkLocal,
                    let own = try? RouteTable.route(to: stretch.first, interface: nil, source: source, &netlink), own.kind == .local
                {
                    return own
                }
                if var route = try RouteTable.route(to: stretch.first, interface: interface?.index, source: source, &netlink) {
                    if isLinkLocal, let interface { route.scope = interface.index }
                    return route
                }
            } catch {
                throw EngineError(
                    .unroutable, "There is no route to \(stretch)\(via) (\(error.description)): add one, or leave these addresses out.")
            }
            throw EngineError(.unroutable, "The route to \(stretch)\(via) gives no source address: give this machine one.")
        }
    }

    private static func path(
        _ route: Route, _ destinations: AddressSet, _ interface: NetworkInterface, _ netlink: inout Netlink
    ) throws(EngineError) -> ScanPath {
        guard interface.isUp else {
            throw EngineError(.unroutable, "The interface \(interface.name) on the way to \(destinations.ranges[0]) is down.")
        }
        func path(_ hop: ScanPath.Hop, _ reason: String) -> ScanPath {
            ScanPath(
                destinations: destinations, interface: interface, source: route.source, scope: route.scope, hop: hop, reason: reason,
                nextHop: route.nextHop)
        }
        if route.kind == .local { return path(.kernel, "the machine's own address") }
        guard interface.hasEthernet else { return path(.kernel, "\(interface.name) has no Ethernet header") }
        guard let nextHop = route.nextHop else {
            guard interface.asksForNeighbors else { return path(.kernel, "\(interface.name) knows no hardware addresses (NOARP)") }
            return destinations.count <= NeighborSweep.mostAddresses
                ? path(.link, "on the link itself")
                : path(.kernel, "on the link itself, and more than \(NeighborSweep.mostAddresses) addresses: the kernel resolves each")
        }
        let asking = nextHop.family == .v4 ? "ARP" : "neighbour solicitations"
        guard let hop = KernelNeighbors.resolve(nextHop, on: interface, &netlink) else {
            throw EngineError(
                .unroutable,
                "The gateway \(nextHop) on \(interface.name), the way to \(destinations.ranges[0]), does not answer \(asking).")
        }
        return path(.gateway(nextHop, hop), "by way of a gateway on Ethernet")
    }
}
