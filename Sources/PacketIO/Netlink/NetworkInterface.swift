import CLinux
import Glibc
package import ScanCore
import SystemPackage

/// A network interface as the kernel describes it.
package struct NetworkInterface: Sendable, Hashable {
    package let name: String
    package let index: Int32
    package let isUp: Bool
    package let isLoopback: Bool
    /// Whether neighbours on its link tell their hardware addresses (not IFF_NOARP, netdevice(7)).
    package let asksForNeighbors: Bool
    /// Nil where frames carry no Ethernet header (tun, WireGuard, PPP).
    package let hardwareAddress: HardwareAddress?

    package var hasEthernet: Bool { hardwareAddress != nil && !isLoopback }

    /// ARPHRD_ETHER, net/if_arp.h
    private static let ethernetType: UInt16 = 1
    private static let upFlag: UInt32 = 0x1
    private static let loopbackFlag: UInt32 = 0x8
    private static let noArpFlag: UInt32 = 0x80

    /// All interfaces, by index.
    package static func all(_ netlink: inout Netlink) throws(EngineError) -> [Int32: NetworkInterface] {
        var found: [Int32: NetworkInterface] = [:]
        let request = NetlinkRequest(Int(RTM_GETLINK), flags: NLM_F_DUMP, fixed: ifinfomsg())
        do {
            try netlink.ask(request) { message in
                guard let interface = NetworkInterface(message) else { return }
                found[interface.index] = interface
            }
        } catch {
            throw EngineError("cannot list the network interfaces", error)
        }
        return found
    }

    /// Nil for a message that describes no interface. Layout: struct ifinfomsg, then attributes.
    private init?(_ message: NetlinkMessage) {
        let attributes = message.attributes(after: MemoryLayout<ifinfomsg>.size)
        guard message.type == UInt16(RTM_NEWLINK),
            let type = message.payload.number(at: 2, as: UInt16.self),
            let index = message.payload.number(at: 4, as: Int32.self),
            let flags = message.payload.number(at: 8, as: UInt32.self),
            let name = attributes[Int(IFLA_IFNAME)]
        else { return nil }
        self.name = String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        self.index = index
        isUp = flags & Self.upFlag != 0
        isLoopback = flags & Self.loopbackFlag != 0
        asksForNeighbors = flags & Self.noArpFlag == 0
        let address = attributes[Int(IFLA_ADDRESS)].flatMap { HardwareAddress(bytes: $0) }
        hardwareAddress = type == Self.ethernetType ? address : nil
    }

    /// Frames that an interface has sent since it exists, and those that it has dropped instead (tx_packets, tx_dropped), whoever made them.
    struct TransmitCounters {
        var sent: Int
        var dropped: Int
    }

    /// Nil where the kernel does not tell.
    func transmitCounters(_ netlink: inout Netlink) -> TransmitCounters? {
        var fixed = if_stats_msg()
        fixed.ifindex = UInt32(index)
        fixed.filter_mask = 1 << (UInt32(IFLA_STATS_LINK_64) - 1)
        var found: TransmitCounters?
        // An interface that has gone has no counters: that is found out by sending.
        try? netlink.ask(NetlinkRequest(Int(RTM_GETSTATS), flags: 0, fixed: fixed)) { message in
            let statistics = message.attributes(after: MemoryLayout<if_stats_msg>.size)[Int(IFLA_STATS_LINK_64)]
            guard let sent = statistics?.number(at: Self.transmitPackets, as: UInt64.self),
                let dropped = statistics?.number(at: Self.transmitDropped, as: UInt64.self)
            else { return }
            found = TransmitCounters(sent: Int(clamping: sent), dropped: Int(clamping: dropped))
        }
        return found
    }

    /// Offsets in struct rtnl_link_stats64, linux/if_link.h.
    private static let transmitPackets = 8
    private static let transmitDropped = 56
}
