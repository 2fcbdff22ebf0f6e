/// An IPv4 header (RFC 791) whose length has been checked.
struct IPv4View {
    static let minimumLength = 20

    enum Offset {
        static let totalLength = 2
        static let fragment = 6
        static let timeToLive = 8
        static let `protocol` = 9
        static let checksum = 10
        static let source = 12
        static let destination = 16
    }

    enum ProtocolNumber {
        static let icmp: UInt8 = 1
        static let tcp: UInt8 = 6
    }

    private let packet: PacketBytes
    private let headerLength: Int

    /// Nil for anything but a whole IPv4 header.
    @inline(__always)
    init?(_ packet: PacketBytes) {
        guard packet.count >= Self.minimumLength, packet.start.byte(0) &>> 4 == 4 else { return nil }
        headerLength = Int(packet.start.byte(0) & 0x0F) &* 4
        guard headerLength >= Self.minimumLength, packet.count >= headerLength else { return nil }
        self.packet = packet
    }

    var source: UInt32 { packet.start.uint32(Offset.source) }
    var destination: UInt32 { packet.start.uint32(Offset.destination) }
    var timeToLive: UInt8 { packet.start.byte(Offset.timeToLive) }
    var protocolNumber: UInt8 { packet.start.byte(Offset.protocol) }
    /// Only a first fragment starts with a transport header.
    var isFirstFragment: Bool { packet.start.uint16(Offset.fragment) & 0x1FFF == 0 }

    /// What the packet itself carries: Ethernet's padding is cut off by the total length.
    var payload: PacketBytes? {
        packet.prefix(Int(packet.start.uint16(Offset.totalLength))).dropping(headerLength)
    }

    /// What a quoted packet carries: an ICMP error may cut it anywhere and some stacks write nonsense into its total length.
    var quotedPayload: PacketBytes? { packet.dropping(headerLength) }
}
