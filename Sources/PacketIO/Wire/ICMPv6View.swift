/// An ICMPv6 error (RFC 4443) together with the packet it quotes.
struct ICMPv6View {
    static let headerLength = 8

    enum MessageType {
        static let destinationUnreachable: UInt8 = 1
        static let timeExceeded: UInt8 = 3
        static let parameterProblem: UInt8 = 4
    }

    let type: UInt8
    let code: UInt8
    /// The quoted packet, from us to the target.
    let packet: IPv6View
    let probe: QuotedProbe

    /// Nil for anything but an error that quotes the start of a TCP segment.
    init?(_ message: PacketBytes) {
        guard message.count >= Self.headerLength else { return nil }
        type = message.start.byte(0)
        code = message.start.byte(1)
        guard Self.tellsOfTarget(type), let inner = message.dropping(Self.headerLength), let packet = IPv6View(quoted: inner),
            packet.protocolNumber == IPv6View.HeaderNumber.tcp, let probe = QuotedProbe(packet.payload)
        else { return nil }
        (self.packet, self.probe) = (packet, probe)
    }

    private static func tellsOfTarget(_ type: UInt8) -> Bool {
        type == MessageType.destinationUnreachable || type == MessageType.timeExceeded || type == MessageType.parameterProblem
    }
}
