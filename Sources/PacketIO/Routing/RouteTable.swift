import CLinux
import Glibc
import ScanCore
package import ScanTargets
import SystemPackage

/// The kernel's answer to "how would this packet travel?".
package struct Route: Hashable {
    package enum Kind: Hashable {
        case unicast
        /// One of this machine's own addresses.
        case local
        case broadcast
    }

    package var kind: Kind
    package var interface: Int32
    package var source: IPAddress
    /// Of either family: an IPv4 route may lead by way of an IPv6 neighbour (RFC 8950).
    package var nextHop: IPAddress?
    /// The interface on whose link a link-local destination is meant, even where that is this machine itself; else the one above.
    package var scope: Int32
    /// What the route wraps packets in (ip-route(8), `encap`), which only the kernel does.
    package var encapsulation: String?
    /// Why the kernel must send what goes this way, in words, and whether it must be told that it is TCP.
    package var policy: String?
    var tellsProtocol = false
    /// What else decides about the way, in words.
    package var rule: String?
    /// Ports at which these destinations are not probed.
    package var leftOut: [PortsLeftOut] = []

    package struct PortsLeftOut: Hashable {
        package var ports: PortSet
        package var cause: Unreached.Cause
    }

    /// Whether packets go the same way.
    package func leads(_ other: Route) -> Bool {
        kind == other.kind && interface == other.interface && source == other.source && nextHop == other.nextHop
            && encapsulation == other.encapsulation
    }
}

/// What the kernel's routing decides, asked and never guessed (rtnetlink(7)).
enum RouteTable {
    /// Where routing may change from one address to the next.
    struct Boundaries {
        /// The first addresses of the stretches inside which every routing table and rule treats all addresses alike, ascending: 0.0.0.0 is the
        /// first, `::` is one of them.
        var starts: [IPAddress]
        /// Whether the kernel chooses among several ways anew for each address of the stretch.
        var areMultipath: [Bool]
        /// The rules by protocol or port among those that decide.
        var portRules: PortRules
    }

    /// Each routed prefix, each rule's destination and each of `others` starts one stretch and ends another.
    static func boundaries(and others: some Collection<AddressRange>, _ netlink: inout Netlink) throws(EngineError) -> Boundaries {
        var portRules = PortRules()
        var starts: Set<IPAddress> = [IPAddress(v4: 0), IPAddress(v6: 0)]
        var tables: [UInt32: [Routed]] = [:]
        func note(_ prefix: AddressRange?) {
            guard let prefix else { return }
            starts.insert(prefix.first)
            if let next = prefix.last.next { starts.insert(next) }
        }
        for other in others { note(other) }
        do throws(Errno) {
            for family in [AF_INET, AF_INET6] {
                var fixed = rtmsg()
                fixed.rtm_family = UInt8(family)
                try netlink.ask(NetlinkRequest(Int(RTM_GETROUTE), flags: NLM_F_DUMP, fixed: fixed)) { message in
                    let attributes = message.attributes(after: MemoryLayout<rtmsg>.size)
                    let prefix = prefix(message, attributes[Int(RTA_DST.rawValue)])
                    note(prefix)
                    // What a nexthop object (ip-nexthop(8)) stands for may be several.
                    let isMultipath = attributes[Int(RTA_MULTIPATH.rawValue)] != nil || attributes[Int(RTA_NH_ID.rawValue)] != nil
                    let table = attributes[Int(RTA_TABLE.rawValue)]?.number(at: 0, as: UInt32.self) ?? 0
                    if let prefix { tables[table, default: []].append(Routed(prefix: prefix, isMultipath: isMultipath)) }
                }
                try netlink.ask(NetlinkRequest(Int(RTM_GETRULE), flags: NLM_F_DUMP, fixed: fixed)) { message in
                    let destination = prefix(message, message.attributes(after: MemoryLayout<fib_rule_hdr>.size)[Int(FRA_DST)])
                    note(destination)
                    portRules.take(message, destination)
                }
            }
        } catch {
            throw EngineError("cannot read the routing tables", error)
        }
        let sorted = starts.sorted()
        return Boundaries(
            starts: sorted, areMultipath: multipath(sorted, tables.values.filter { $0.contains(where: \.isMultipath) }),
            portRules: portRules)
    }

    private struct Routed {
        let prefix: AddressRange
        var isMultipath: Bool
    }

    /// For each stretch, whether the most specific prefix that it lies in has several ways, in one of these tables: which of them decides is for the
    /// rules.
    private static func multipath(_ starts: [IPAddress], _ tables: [[Routed]]) -> [Bool] {
        tables.reduce([Bool](repeating: false, count: starts.count)) { known, table in
            zip(known, multipath(starts, in: table)).map { $0 || $1 }
        }
    }

    private static func multipath(_ starts: [IPAddress], in routed: [Routed]) -> [Bool] {
        // Prefixes hold each other or are apart: those around a place are a stack.
        let routed = routed.sorted {
            $0.prefix.first == $1.prefix.first ? $0.prefix.last > $1.prefix.last : $0.prefix.first < $1.prefix.first
        }
        var around: [Routed] = []
        var next = 0
        return starts.map { start in
            while let inner = around.last, inner.prefix.last < start { around.removeLast() }
            while next < routed.count, routed[next].prefix.first <= start {
                defer { next += 1 }
                while let inner = around.last, inner.prefix.last < routed[next].prefix.first { around.removeLast() }
                if around.last?.prefix == routed[next].prefix {
                    around[around.count - 1].isMultipath = around[around.count - 1].isMultipath || routed[next].isMultipath
                } else {
                    around.append(routed[next])
                }
            }
            return around.last?.isMultipath == true
        }
    }

    /// The destination of a route or rule; all of its family where none is given. Layout: struct rtmsg.
    private static func prefix(_ message: NetlinkMessage, _ destination: ArraySlice<UInt8>?) -> AddressRange? {
        guard let family = message.payload.number(at: 0, as: UInt8.self), let length = message.payload.number(at: 1, as: UInt8.self) else {
            return nil
        }
        let address: IPAddress
        switch (Int32(family), destination) {
        case (AF_INET, nil): address = IPAddress(v4: 0)
        case (AF_INET6, nil): address = IPAddress(v6: 0)
        case (_, let bytes?):
            guard let given = IPAddress(networkBytes: bytes) else { return nil }
            address = given
        default: return nil
        }
        return AddressRange(network: address, prefixLength: Int(length))
    }

    /// The route to `destination`, held to `interface` and `source` where they are given; with `isTCP` that of TCP, and to a port from a port. Only where
    /// rules ask: the kernel chooses among several ways by the protocol, too.
    /// Throws the kernel's errno when there is none: ENETUNREACH, EHOSTUNREACH, EACCES (prohibited), EINVAL (blackhole).
    static func route(
        to destination: IPAddress, interface: Int32?, source: IPAddress?, isTCP: Bool = false,
        ports: (from: UInt16, to: UInt16)? = nil,
        _ netlink: inout Netlink
    ) throws(Errno) -> Route? {
        var fixed = rtmsg()
        fixed.rtm_family = UInt8(destination.family.addressFamily)
        fixed.rtm_dst_len = UInt8(destination.family.bitWidth)
        fixed.rtm_src_len = source == nil ? 0 : fixed.rtm_dst_len
        var request = NetlinkRequest(Int(RTM_GETROUTE), flags: 0, fixed: fixed)
        request.add(Int(RTA_DST.rawValue), destination.networkBytes)
        if let interface { request.add(Int(RTA_OIF.rawValue), interface) }
        if let source { request.add(Int(RTA_SRC.rawValue), source.networkBytes) }
        if isTCP || ports != nil { request.add(Int(RTA_IP_PROTO.rawValue), [UInt8(IPPROTO_TCP)]) }
        if let ports {
            request.add(Int(RTA_SPORT.rawValue), ports.from.networkBytes)
            request.add(Int(RTA_DPORT.rawValue), ports.to.networkBytes)
        }
        var found: Route?
        try netlink.ask(request) { found = Route($0, source: source) }
        return found
    }
}

extension Route {
    /// Layout: struct rtmsg, then attributes.
    fileprivate init?(_ message: NetlinkMessage, source: IPAddress?) {
        let attributes = message.attributes(after: MemoryLayout<rtmsg>.size)
        guard let type = message.payload.number(at: 7, as: UInt8.self),
            let interface = attributes[Int(RTA_OIF.rawValue)]?.number(at: 0, as: Int32.self),
            let source = source ?? attributes[Int(RTA_PREFSRC.rawValue)].flatMap({ IPAddress(networkBytes: $0) })
        else { return nil }
        switch Int(type) {
        case Int(RTN_UNICAST): kind = .unicast
        case Int(RTN_LOCAL): kind = .local
        case Int(RTN_BROADCAST), Int(RTN_MULTICAST), Int(RTN_ANYCAST): kind = .broadcast
        default: return nil
        }
        self.interface = interface
        scope = interface
        self.source = source
        // A gateway of another family comes with that family in front (struct rtvia).
        let via = attributes[Int(RTA_VIA.rawValue)]?.dropFirst(2)
        nextHop = (attributes[Int(RTA_GATEWAY.rawValue)] ?? via).flatMap { IPAddress(networkBytes: $0) }
        encapsulation = attributes[Int(RTA_ENCAP_TYPE.rawValue)]?.number(at: 0, as: UInt16.self).map { type in
            Int(type) < Self.encapsulations.count ? Self.encapsulations[Int(type)] : "\(type)"
        }
    }

    /// enum lwtunnel_encap_types, linux/lwtunnel.h, in the words of ip-route(8).
    private static let encapsulations = ["none", "mpls", "ip", "ila", "ip6", "seg6", "bpf", "seg6local", "rpl", "ioam6", "xfrm"]
}

extension IPAddress {
    /// The bytes of an address on the wire, 4 or 16; nil for any other number.
    package init?(networkBytes bytes: ArraySlice<UInt8>) {
        switch bytes.count {
        case 4: self.init(v4: bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16: self.init(v6: bytes.reduce(0) { $0 << 8 | UInt128($1) })
        default: return nil
        }
    }

    /// The address's bytes on the wire.
    package var networkBytes: [UInt8] {
        if let v4 { return withUnsafeBytes(of: v4.bigEndian) { Array($0) } }
        return withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}

extension IPAddress.Family {
    /// AF_INET or AF_INET6, socket(2).
    var addressFamily: Int32 { self == .v4 ? AF_INET : AF_INET6 }
}
