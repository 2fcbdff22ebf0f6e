/// A captured packet from its IP header on. What kind it is was said by what stood before it; nothing in it has been looked at.
package enum IPPacket {
    case v4(PacketBytes)
    case v6(PacketBytes)
}

/// What precedes the IP header in a captured packet (libpcap's link types, pcap-linktype(7)).
package enum LinkHeader: Sendable, Equatable, CaseIterable {
    /// EN10MB: Ethernet, possibly with VLAN tags.
    case ethernet
    /// LINUX_SLL2: what the "any" device delivers.
    case cooked
    /// LINUX_SLL, its older form: what interfaces deliver whose own header libpcap does not read, such as GRE and PPP.
    case oldCooked
    /// RAW: IP straight away.
    case raw

    private static let cookedLength = 20
    private static let oldCookedLength = 16
    private static let cookedInterface = 4

    /// The IP packet inside `frame`; nil when it carries something else or is cut short.
    @inline(__always)
    package func packet(in frame: PacketBytes) -> IPPacket? {
        switch self {
        case .ethernet:
            guard let (type, payload) = EtherType.payload(of: frame) else { return nil }
            return Self.packet(type, payload)
        case .cooked:
            return frame.dropping(Self.cookedLength).flatMap { Self.packet(frame.start.uint16(0), $0) }
        case .oldCooked:
            return frame.dropping(Self.oldCookedLength).flatMap { Self.packet(frame.start.uint16(14), $0) }
        case .raw:
            guard frame.count > 0 else { return nil }
            return frame.start.byte(0) &>> 4 == 6 ? .v6(frame) : .v4(frame)
        }
    }

    /// The number of the interface at which `frame` arrived, where its header tells.
    package func interfaceIndex(in frame: PacketBytes) -> Int32? {
        guard self == .cooked, frame.count >= Self.cookedLength else { return nil }
        return Int32(truncatingIfNeeded: frame.start.uint32(Self.cookedInterface))
    }

    @inline(__always)
    private static func packet(_ type: UInt16, _ payload: PacketBytes) -> IPPacket? {
        switch type {
        case EtherType.ipv4: .v4(payload)
        case EtherType.ipv6: .v6(payload)
        default: nil
        }
    }
}
