import CLinux
import Glibc
import SystemPackage

/// Hears of changes to routes, rules, addresses and interfaces (rtnetlink(7), multicast groups), and of IPsec policies. One thread at a time.
package final class RouteWatch {
    private let socket: OwnedDescriptor
    /// Nil where the kernel knows no IPsec.
    private let policies: Socket?
    /// When there was a change that nobody has looked at: the first and the last; 0 when there was none.
    private var first: Int64 = 0
    private var last: Int64 = 0
    private var notBefore: Int64 = 0
    private var buffer = [UInt8](repeating: 0, count: 1 << 13)

    /// Changes come in bursts; so long after the last it is time to look what has become of it, and so long after the first in any case; ns.
    private static let settling: Int64 = 100_000_000
    private static let patience: Int64 = 1_000_000_000

    private static let groups = [
        RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE,
        RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP,
    ]

    /// A descriptor that may be missing.
    private final class Socket {
        let descriptor: OwnedDescriptor

        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }

    package init() throws(EngineError) {
        do {
            socket = try Self.open(NETLINK_ROUTE, Self.groups.map { Int32($0.rawValue) })
        } catch {
            throw EngineError("cannot listen for changes of routes", error)
        }
        policies = try? Socket(Self.open(NETLINK_XFRM, [Int32(CLINUX_XFRMNLGRP_POLICY)]))
    }

    private static func open(_ subject: Int32, _ groups: [Int32]) throws(Errno) -> OwnedDescriptor {
        let socket = try OwnedDescriptor(family: AF_NETLINK, type: SOCK_RAW, protocol: subject)
        let descriptor = socket.raw
        // Without a number of its own it would count as the kernel, which does not tell itself.
        var address = sockaddr_nl()
        address.nl_family = UInt16(AF_NETLINK)
        _ = try Syscall.retrying { Syscall.withSocketAddress(address) { bind(descriptor, $0, $1) } }
        for group in groups { try Syscall.setOption(descriptor, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group) }
        return socket
    }

    /// Whether something has changed since this was true last.
    package func hasChanged(_ now: Int64) -> Bool {
        for descriptor in [socket.raw, policies?.descriptor.raw ?? -1] where descriptor >= 0 {
            // What does not fit the kernel's buffer is a change, too (ENOBUFS).
            while case let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 || errno == ENOBUFS {
                if first == 0 { first = now }
                last = now
            }
        }
        guard first > 0, now >= notBefore, now - last >= Self.settling || now - first >= Self.patience else { return false }
        first = 0
        return true
    }

    /// It took so long to look, ns: on a machine whose routes change all the time, most of the time is for the scan.
    package func rest(after effort: Int64) {
        notBefore = SteadyClock.nanoseconds() + 20 * effort
    }
}
