/// The kernel-side filter of one job's capture, in pcap-filter(7)'s language.
enum CaptureFilter {
    /// SYN-ACKs and RSTs to the job's source ports, and ICMP errors (whose quoted ports the filter cannot reach behind IP options).
    static func expression(first: UInt16, count: UInt16) -> String {
        """
        ip and ((tcp dst portrange \(first)-\(first + (count - 1)) and tcp[tcpflags] & (tcp-rst|tcp-ack) != 0) \
        or (icmp[icmptype] = icmp-unreach or icmp[icmptype] = icmp-timxceed))
        """
    }
}
