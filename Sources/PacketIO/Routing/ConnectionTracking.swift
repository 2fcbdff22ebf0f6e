import CLinux
import Glibc
import SystemPackage

/// Whether the kernel keeps track of connections in this network namespace, and what it should not keep track of (nfnetlink; nf_conntrack).
///
/// Frames go past the rules for what this machine sends, so a tracked answer to one belongs to no connection and is called invalid. What the
/// kernel sends for us takes a place in its table each, and when that is full it sends nothing new for anybody.
package struct ConnectionTracking: Sendable, Equatable {
    /// Connections in the table, and how many there may be; nil where the kernel does not tell.
    package var entries: Int?
    package var most: Int?
    /// Whether a rule seems to leave the source ports out: one that has `notrack` and both ends of their range in it. How rules follow one another
    /// is not looked at.
    package var isLeftOut: Bool

    /// Nil where nothing is tracked, or where this process may not ask. Takes some milliseconds.
    package static func read(leavingOut ports: ClosedRange<UInt16>) -> ConnectionTracking? {
        guard var netlink = try? Netlink(.netfilter) else { return nil }
        let rules = Rules(leavingOut: ports, &netlink)
        guard rules.useTracking || isActive(&netlink) else { return nil }
        let (entries, most) = usage(&netlink)
        return ConnectionTracking(entries: entries, most: most, isLeftOut: rules.leavePortsOut)
    }

    /// Whether there is no place for another connection, or was none a moment ago: a full table hovers just below its size.
    package static var isFull: Bool {
        guard var netlink = try? Netlink(.netfilter), case (let entries?, let most?) = usage(&netlink) else { return false }
        return entries >= most - most / 64
    }

    private static func request(_ subsystem: Int, _ message: Int, family: UInt8 = 0, flags: Int32 = 0) -> NetlinkRequest {
        var fixed = nfgenmsg()
        fixed.nfgen_family = family
        return NetlinkRequest(subsystem << 8 | message, flags: flags, fixed: fixed)
    }

    /// Tracking begins with the first rule that looks at connections, also one of iptables': then it has a function of its own where packets arrive.
    private static func isActive(_ netlink: inout Netlink) -> Bool {
        var isActive = false
        for family in families {
            var request = request(Int(NFNL_SUBSYS_HOOK), Int(NFNL_MSG_HOOK_GET.rawValue), family: family, flags: NLM_F_DUMP)
            request.add(Int(NFNLA_HOOK_HOOKNUM.rawValue), arrivals.bigEndian)
            // Not every kernel tells, and none before 5.14: then the rules of nftables must do.
            try? netlink.ask(request) { message in
                let name = message.attributes(after: MemoryLayout<nfgenmsg>.size)[Int(NFNLA_HOOK_FUNCTION_NAME.rawValue)]
                if let name, String(decoding: name, as: UTF8.self).contains("conntrack") { isActive = true }
            }
        }
        return isActive
    }

    /// NFPROTO_IPV4, NFPROTO_IPV6 and NF_INET_PRE_ROUTING, linux/netfilter.h.
    private static let families: [UInt8] = [2, 10]
    private static let arrivals: Int32 = 0

    private static func usage(_ netlink: inout Netlink) -> (entries: Int?, most: Int?) {
        var found: (entries: Int?, most: Int?)
        try? netlink.ask(request(Int(NFNL_SUBSYS_CTNETLINK), Int(IPCTNL_MSG_CT_GET_STATS.rawValue))) { message in
            let attributes = message.attributes(after: MemoryLayout<nfgenmsg>.size)
            func number(_ attribute: ctattr_stats_global) -> Int? {
                attributes[Int(attribute.rawValue)]?.number(at: 0, as: UInt32.self).map { Int(UInt32(bigEndian: $0)) }
            }
            found = (number(CTA_STATS_GLOBAL_ENTRIES), number(CTA_STATS_GLOBAL_MAX_ENTRIES))
        }
        return found
    }

    /// What the rules of nftables have to do with it, judged by what stands in them anywhere.
    private struct Rules {
        var useTracking = false
        var leavePortsOut = false

        /// Expressions that look at connections; iptables' are inside.
        private static let marks = [expression("ct"), expression("nat"), expression("masq"), expression("redir"), Array("conntrack".utf8)]

        /// An expression's name as an attribute: its length and type, and the name with a zero behind it.
        private static func expression(_ name: String) -> [UInt8] {
            [UInt8(name.utf8.count + 5), 0, UInt8(NFTA_EXPR_NAME.rawValue), 0] + Array(name.utf8) + [0]
        }

        init(leavingOut ports: ClosedRange<UInt16>, _ netlink: inout Netlink) {
            let exemption = [Array("notrack".utf8), ports.lowerBound.networkBytes, ports.upperBound.networkBytes]
            let request = ConnectionTracking.request(Int(NFNL_SUBSYS_NFTABLES), Int(NFT_MSG_GETRULE.rawValue), flags: NLM_F_DUMP)
            var found = (tracking: false, exemption: false)
            try? netlink.ask(request) { message in
                guard let rule = message.attributes(after: MemoryLayout<nfgenmsg>.size)[Int(NFTA_RULE_EXPRESSIONS.rawValue)] else { return }
                if Self.marks.contains(where: { rule.firstRange(of: $0) != nil }) { found.tracking = true }
                if exemption.allSatisfy({ rule.firstRange(of: $0) != nil }) { found.exemption = true }
            }
            (useTracking, leavePortsOut) = found
        }
    }

    /// What to do, in words: the rules that leave the ports out, a line each behind the first. Nil when they are left out already.
    package func advice(for ports: ClosedRange<UInt16>) -> [String]? {
        guard !isLeftOut else { return nil }
        let range = "\(ports.lowerBound)-\(ports.upperBound)"
        let places = most.map { " (\(entries ?? 0) of \($0) places of the table are taken)" } ?? ""
        return [
            "The kernel tracks connections here\(places): probes that it sends would each take a place, and answers to others are invalid to it, so "
                + "rules that drop what is invalid keep it from ending half-open connections. Leave synscan's ports out of it:",
            "nft 'add table inet synscan'",
            "nft 'add chain inet synscan leaving { type filter hook output priority raw; }'",
            "nft 'add rule inet synscan leaving tcp sport \(range) notrack'",
            "nft 'add chain inet synscan arriving { type filter hook prerouting priority raw; }'",
            "nft 'add rule inet synscan arriving tcp dport \(range) notrack'",
            "and accept \"tcp dport \(range)\" at the head of the input chain, where it drops what it does not know. With iptables and ip6tables:",
            "iptables -t raw -A OUTPUT -p tcp --sport \(ports.lowerBound):\(ports.upperBound) -j CT --notrack",
            "iptables -t raw -A PREROUTING -p tcp --dport \(ports.lowerBound):\(ports.upperBound) -j CT --notrack",
            "iptables -I INPUT -p tcp --dport \(ports.lowerBound):\(ports.upperBound) -j ACCEPT",
        ]
    }
}
