/// What precedes the IP header in a captured packet (libpcap's link types, pcap-linktype(7)).
package enum LinkHeader: Sendable, Equatable, CaseIterable {
    /// EN10MB: Ethernet, possibly with VLAN tags.
    case ethernet
    /// LINUX_SLL2: what the "any" device delivers.
    case cooked
    /// RAW: IP straight away.
    case raw
    /// NULL: the address family in the byte order of the machine.
    case null

    private static let etherTypeIPv4: UInt16 = 0x0800
    private static let vlanTags: Set<UInt16> = [0x8100, 0x88A8, 0x9100]

    /// The IPv4 packet inside `frame`; nil when it carries something else or is cut short.
    @inline(__always)
    package func ipv4(in frame: PacketBytes) -> PacketBytes? {
        switch self {
        case .ethernet: return ethernetPayload(of: frame)
        case .cooked:
            guard frame.count >= 20, frame.start.uint16(0) == Self.etherTypeIPv4 else { return nil }
            return frame.dropping(20)
        case .raw: return frame
        case .null:
            guard frame.count >= 4 else { return nil }
            let family = frame.start.loadUnaligned(as: UInt32.self)
            return family == 2 || family == 2 &<< 24 ? frame.dropping(4) : nil
        }
    }

    @inline(__always)
    private func ethernetPayload(of frame: PacketBytes) -> PacketBytes? {
        guard frame.count >= 14 else { return nil }
        var type = frame.start.uint16(12)
        var offset = 14
        // Two tags are the most that IEEE 802.1ad knows.
        while type != Self.etherTypeIPv4, offset <= 18, Self.vlanTags.contains(type), frame.count >= offset + 4 {
            type = frame.start.uint16(offset + 2)
            offset += 4
        }
        return type == Self.etherTypeIPv4 ? frame.dropping(offset) : nil
    }
}
