/// An ICMP error (RFC 792) together with the packet it quotes.
struct ICMPView {
    static let headerLength = 8

    enum MessageType {
        static let destinationUnreachable: UInt8 = 3
        static let timeExceeded: UInt8 = 11
    }

    let type: UInt8
    let code: UInt8
    /// The quoted packet, from us to the target.
    let packet: IPv4View
    let probe: QuotedProbe

    /// Nil for anything but an error that quotes the start of a TCP segment.
    @inline(__always)
    init?(_ message: PacketBytes) {
        guard message.count >= Self.headerLength else { return nil }
        type = message.start.byte(0)
        code = message.start.byte(1)
        guard type == MessageType.destinationUnreachable || type == MessageType.timeExceeded,
            let inner = message.dropping(Self.headerLength), let packet = IPv4View(inner),
            packet.protocolNumber == IPv4View.ProtocolNumber.tcp, packet.isFirstFragment,
            let segment = packet.quotedPayload, let probe = QuotedProbe(segment)
        else { return nil }
        (self.packet, self.probe) = (packet, probe)
    }
}
