package import ScanTargets
import SystemPackage

/// Finds the ways to a job's addresses. Blocks for the kernel's answers: call it off the cooperative pool.
package enum RoutePlanner {
    /// The paths to `addresses`, each address on one of them. Broadcast addresses have none; they are never probed.
    ///
    /// `interface` and `source` narrow the choice. Throws when a part has no route (the first such part is named), when the interface does
    /// not exist or is down, when `source` is not this machine's, or when a gateway does not answer ARP.
    package static func paths(for addresses: AddressSet, interface name: String?, source: IPAddress?) throws(EngineError) -> [ScanPath] {
        var netlink = try Netlink()
        let interfaces = try NetworkInterface.all(&netlink)
        let narrowed = try name.map { name throws(EngineError) in try usable(name, among: interfaces) }
        let from = try source.map { source throws(EngineError) in try ownAddress(source, &netlink) }

        var parts: [Route: [AddressRange]] = [:]
        var answer: (interval: Int, route: Route)?
        for stretch in try stretches(of: addresses, &netlink) {
            // One question for all stretches between the same two boundaries.
            if answer?.interval != stretch.interval {
                answer = (stretch.interval, try route(to: stretch.range, narrowed, from, &netlink))
            }
            if let route = answer?.route, route.kind != .broadcast { parts[route, default: []].append(stretch.range) }
        }
        var paths: [ScanPath] = []
        for (route, ranges) in parts {
            guard let interface = interfaces[route.interface] else {
                throw EngineError(.unroutable, "The interface of the route to \(ranges[0]) has gone: try again.")
            }
            paths.append(try path(route, AddressSet(ranges), interface, &netlink))
        }
        return paths.sorted { first(of: $0) < first(of: $1) }
    }

    private static func first(of path: ScanPath) -> IPAddress {
        path.destinations.ranges.first?.first ?? IPAddress(v4: 0)
    }

    private static func usable(_ name: String, among interfaces: [Int32: NetworkInterface]) throws(EngineError) -> NetworkInterface {
        guard let found = interfaces.values.first(where: { $0.name == name }) else {
            let known = interfaces.values.map(\.name).sorted().joined(separator: ", ")
            throw EngineError(.unroutable, "There is no interface \(name): this machine has \(known).")
        }
        guard found.isUp else {
            throw EngineError(.unroutable, "The interface \(name) is down: bring it up with \"ip link set \(name) up\".")
        }
        return found
    }

    private static func ownAddress(_ source: IPAddress, _ netlink: inout Netlink) throws(EngineError) -> UInt32 {
        guard let address = source.v4, let route = try? RouteTable.route(to: address, interface: nil, source: nil, &netlink),
            route.kind == .local
        else {
            throw EngineError(.unroutable, "The source address \(source) is not this machine's: choose one that \"ip address\" shows.")
        }
        return address
    }

    /// A part of a job's addresses, with the number of the interval between two boundaries that it lies in.
    private struct Stretch {
        var range: AddressRange
        var interval: Int
    }

    /// Cuts `addresses` where the kernel's routing may change.
    private static func stretches(of addresses: AddressSet, _ netlink: inout Netlink) throws(EngineError) -> [Stretch] {
        let boundaries = try RouteTable.boundaries(&netlink)
        var stretches: [Stretch] = []
        var next = 0
        for range in addresses.ranges {
            guard var start = range.first.v4, let last = range.last.v4 else {
                throw EngineError(.unroutable, "\(range) is IPv6: probing IPv6 is not available yet, give IPv4 targets.")
            }
            while next < boundaries.count, boundaries[next] <= start { next += 1 }
            while next < boundaries.count, boundaries[next] <= last {
                stretches.append(Stretch(range: v4Range(start, boundaries[next] - 1), interval: next))
                start = boundaries[next]
                next += 1
            }
            stretches.append(Stretch(range: v4Range(start, last), interval: next))
        }
        return stretches
    }

    private static func v4Range(_ first: UInt32, _ last: UInt32) -> AddressRange {
        AddressRange(first: IPAddress(v4: first), last: IPAddress(v4: last)) ?? AddressRange(IPAddress(v4: first))
    }

    private static func route(
        to stretch: AddressRange, _ interface: NetworkInterface?, _ source: UInt32?, _ netlink: inout Netlink
    ) throws(EngineError) -> Route {
        let via = interface.map { " through \($0.name)" } ?? ""
        do {
            // A machine's own addresses are reached through loopback, whichever interface was asked for.
            if let own = try? RouteTable.route(to: stretch.first.v4 ?? 0, interface: nil, source: source, &netlink), own.kind == .local {
                return own
            }
            if let route = try RouteTable.route(to: stretch.first.v4 ?? 0, interface: interface?.index, source: source, &netlink) {
                return route
            }
        } catch {
            throw EngineError(
                .unroutable, "There is no route to \(stretch)\(via) (\(error.description)): add one, or leave these addresses out.")
        }
        throw EngineError(.unroutable, "The route to \(stretch)\(via) gives no source address: give this machine one.")
    }

    private static func path(
        _ route: Route, _ destinations: AddressSet, _ interface: NetworkInterface, _ netlink: inout Netlink
    ) throws(EngineError) -> ScanPath {
        guard interface.isUp else {
            throw EngineError(.unroutable, "The interface \(interface.name) on the way to \(destinations.ranges[0]) is down.")
        }
        func path(_ reason: String, hop: HardwareAddress? = nil) -> ScanPath {
            ScanPath(
                destinations: destinations, interface: interface, source: IPAddress(v4: route.source),
                nextHop: route.nextHop.map { IPAddress(v4: $0) }, hardwareAddress: hop, reason: reason)
        }
        if route.kind == .local { return path("the machine's own address") }
        guard interface.hasEthernet else { return path("\(interface.name) has no Ethernet header") }
        guard let nextHop = route.nextHop else { return path("on the link itself: the kernel resolves each address") }
        guard let hop = NeighborTable.resolve(nextHop, on: interface, &netlink) else {
            throw EngineError(
                .unroutable,
                "The gateway \(IPAddress(v4: nextHop)) on \(interface.name), the way to \(destinations.ranges[0]), does not answer ARP.")
        }
        return path("by way of a gateway on Ethernet", hop: hop)
    }
}
