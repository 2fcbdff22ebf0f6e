import CLinux
import Glibc
import SystemPackage

/// The kernel's answer to "how would this packet travel?".
struct Route: Hashable {
    enum Kind: Hashable {
        case unicast
        /// One of this machine's own addresses.
        case local
        case broadcast
    }

    var kind: Kind
    var interface: Int32
    var source: UInt32
    var nextHop: UInt32?
}

/// What the kernel's routing decides, asked and never guessed (rtnetlink(7)).
enum RouteTable {
    /// The first addresses of the stretches inside which every routing table and rule treats all addresses alike, ascending from 0.
    ///
    /// Each routed prefix and each rule's destination starts one stretch and ends another.
    static func boundaries(_ netlink: inout Netlink) throws(EngineError) -> [UInt32] {
        var starts: Set<UInt32> = [0]
        func note(_ destination: ArraySlice<UInt8>?, length: UInt8) {
            guard length <= 32, let address = destination.flatMap(address) else { return }
            starts.insert(address)
            let (end, overflow) = address.addingReportingOverflow(length == 0 ? .max : UInt32(1) &<< (32 - UInt32(length)))
            if !overflow, length > 0 { starts.insert(end) }
        }
        do throws(Errno) {
            var fixed = rtmsg()
            fixed.rtm_family = UInt8(AF_INET)
            try netlink.ask(NetlinkRequest(Int(RTM_GETROUTE), flags: NLM_F_DUMP, fixed: fixed)) { message in
                let attributes = message.attributes(after: MemoryLayout<rtmsg>.size)
                note(attributes[Int(RTA_DST.rawValue)], length: message.payload.number(at: 1, as: UInt8.self) ?? 0)
            }
            try netlink.ask(NetlinkRequest(Int(RTM_GETRULE), flags: NLM_F_DUMP, fixed: fixed)) { message in
                let attributes = message.attributes(after: MemoryLayout<rtmsg>.size)
                note(attributes[Int(FRA_DST)], length: message.payload.number(at: 1, as: UInt8.self) ?? 0)
            }
        } catch {
            throw EngineError("cannot read the routing tables", error)
        }
        return starts.sorted()
    }

    /// The route to `destination`, held to `interface` and `source` where they are given.
    /// Throws the kernel's errno when there is none: ENETUNREACH, EHOSTUNREACH, EACCES (prohibited), EINVAL (blackhole).
    static func route(
        to destination: UInt32, interface: Int32?, source: UInt32?, _ netlink: inout Netlink
    ) throws(Errno) -> Route? {
        var fixed = rtmsg()
        fixed.rtm_family = UInt8(AF_INET)
        fixed.rtm_dst_len = 32
        fixed.rtm_src_len = source == nil ? 0 : 32
        var request = NetlinkRequest(Int(RTM_GETROUTE), flags: 0, fixed: fixed)
        request.add(Int(RTA_DST.rawValue), destination.networkBytes)
        if let interface { request.add(Int(RTA_OIF.rawValue), interface) }
        if let source { request.add(Int(RTA_SRC.rawValue), source.networkBytes) }
        var found: Route?
        try netlink.ask(request) { found = Route($0, source: source) }
        return found
    }

    static func address(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        bytes.count == 4 ? bytes.number(at: 0, as: UInt32.self).map { UInt32(bigEndian: $0) } : nil
    }
}

extension Route {
    fileprivate init?(_ message: NetlinkMessage, source: UInt32?) {
        let attributes = message.attributes(after: MemoryLayout<rtmsg>.size)
        guard let type = message.payload.number(at: 7, as: UInt8.self),
            let interface = attributes[Int(RTA_OIF.rawValue)]?.number(at: 0, as: Int32.self),
            let source = source ?? attributes[Int(RTA_PREFSRC.rawValue)].flatMap(RouteTable.address)
        else { return nil }
        switch Int(type) {
        case Int(RTN_UNICAST): kind = .unicast
        case Int(RTN_LOCAL): kind = .local
        case Int(RTN_BROADCAST), Int(RTN_MULTICAST), Int(RTN_ANYCAST): kind = .broadcast
        default: return nil
        }
        self.interface = interface
        self.source = source
        nextHop = attributes[Int(RTA_GATEWAY.rawValue)].flatMap(RouteTable.address)
    }
}
