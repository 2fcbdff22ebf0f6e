/// An ICMP error (RFC 792) together with the packet it quotes.
struct ICMPView {
    static let headerLength = 8

    enum MessageType {
        static let destinationUnreachable: UInt8 = 3
        static let timeExceeded: UInt8 = 11
    }

    /// As much of the quoted TCP header as every ICMP error carries: its first eight bytes.
    struct QuotedProbe {
        let source: UInt32
        let destination: UInt32
        let sourcePort: UInt16
        let destinationPort: UInt16
        let sequence: UInt32
    }

    let type: UInt8
    let code: UInt8
    let quoted: QuotedProbe

    /// Nil for anything but an error that quotes the start of a TCP segment.
    @inline(__always)
    init?(_ message: PacketBytes) {
        guard message.count >= Self.headerLength else { return nil }
        type = message.start.byte(0)
        code = message.start.byte(1)
        guard type == MessageType.destinationUnreachable || type == MessageType.timeExceeded,
            let inner = message.dropping(Self.headerLength), let packet = IPv4View(inner),
            packet.protocolNumber == IPv4View.ProtocolNumber.tcp, packet.isFirstFragment,
            let segment = packet.quotedPayload, segment.count >= 8
        else { return nil }
        quoted = QuotedProbe(
            source: packet.source, destination: packet.destination,
            sourcePort: segment.start.uint16(TCPView.Offset.sourcePort),
            destinationPort: segment.start.uint16(TCPView.Offset.destinationPort),
            sequence: segment.start.uint32(TCPView.Offset.sequence))
    }
}
