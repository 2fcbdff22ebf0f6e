/// What an ICMP error of either family tells of the probe that it quotes: the ports and the sequence number of its TCP header, whose first eight
/// bytes every error carries.
struct QuotedProbe {
    private static let length = 8

    let localPort: UInt16
    let targetPort: UInt16
    let sequence: UInt32

    /// Nil when what stood behind the quoted IP header is too short.
    @inline(__always)
    init?(_ segment: PacketBytes) {
        guard segment.count >= Self.length else { return nil }
        localPort = segment.start.uint16(TCPView.Offset.sourcePort)
        targetPort = segment.start.uint16(TCPView.Offset.destinationPort)
        sequence = segment.start.uint32(TCPView.Offset.sequence)
    }
}
