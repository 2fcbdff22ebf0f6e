package import ScanTargets

/// The kernel-side filter of one job's capture, in pcap-filter(7)'s language.
package enum CaptureFilter {
    /// SYNs, ACKs and RSTs to the job's source ports over the families that it probes, and ICMP errors (whose quoted ports the filter cannot reach
    /// behind options and extension headers).
    package static func expression(first: UInt16, count: UInt16, families: Set<IPAddress.Family>) -> String {
        let ports = first...first + (count - 1)
        switch (families.contains(.v4), families.contains(.v6)) {
        case (true, true): return "(\(ipv4(ports))) or (\(ipv6(ports)))"
        case (true, false): return ipv4(ports)
        case (false, true): return ipv6(ports)
        case (false, false): return PacketCapture.nothing
        }
    }

    /// The same on these interfaces alone, for a capture on all of them: what arrives elsewhere is passed over at once.
    package static func expression(_ expression: String, on interfaces: some Sequence<Int32>) -> String {
        "(\(interfaces.map { "ifindex \($0)" }.joined(separator: " or "))) and (\(expression))"
    }

    private static func ipv4(_ ports: ClosedRange<UInt16>) -> String {
        """
        ip and ((tcp dst portrange \(ports.lowerBound)-\(ports.upperBound) and tcp[tcpflags] & (tcp-syn|tcp-rst|tcp-ack) != 0) \
        or (icmp[icmptype] = icmp-unreach or icmp[icmptype] = icmp-timxceed))
        """
    }

    /// The language's `tcp[…]` is IPv4's, and its `ip6 protochain` is too slow for the kernel: so by offsets where nothing stands between IPv6 and
    /// TCP or ICMPv6, and everything that has an extension header in between, which `Reply` judges.
    private static func ipv6(_ ports: ClosedRange<UInt16>) -> String {
        let destinationPort = "ip6[\(IPv6View.headerLength + TCPView.Offset.destinationPort):2]"
        let flags = "ip6[\(IPv6View.headerLength + TCPView.Offset.flags)]"
        let type = "ip6[\(IPv6View.headerLength)]"
        let answers = """
            \(destinationPort) >= \(ports.lowerBound) and \(destinationPort) <= \(ports.upperBound) \
            and \(flags) & \(TCPView.Flag.syn | TCPView.Flag.rst | TCPView.Flag.ack) != 0
            """
        return """
            ip6 and ((\(following(IPv6View.HeaderNumber.tcp)) and \(answers)) \
            or (\(following(IPv6View.HeaderNumber.icmp)) and (\(any(of: errors.map { "\(type) = \($0)" })))) \
            or (\(any(of: extensions.map(following))) and not (\(listenerReport))))
            """
    }

    private static let errors = [
        ICMPv6View.MessageType.destinationUnreachable, ICMPv6View.MessageType.timeExceeded, ICMPv6View.MessageType.parameterProblem,
    ]

    private static let extensions = (0...255 as ClosedRange<UInt8>).filter(IPv6View.HeaderNumber.isExtension)

    /// Every host sends these (RFC 3810 §5): ICMPv6 that is no error, behind a hop-by-hop header of eight bytes.
    private static let listenerReport = """
        \(following(IPv6View.HeaderNumber.hopByHop)) and ip6[\(IPv6View.headerLength):2] = \(UInt16(IPv6View.HeaderNumber.icmp) << 8) \
        and ip6[\(IPv6View.headerLength + 8)] >= 128
        """

    private static func following(_ number: UInt8) -> String { "ip6[\(IPv6View.Offset.nextHeader)] = \(number)" }

    private static func any(of conditions: [String]) -> String { "(\(conditions.joined(separator: " or ")))" }
}
