/// A captured packet that may answer a probe, taken apart but not yet verified.
package struct Reply: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case answer(Reason)
        /// A RST that acknowledges nothing proves nothing: counted, never final.
        case bareReset
    }

    package var kind: Kind
    /// The target that was probed.
    package var target: UInt32
    package var targetPort: UInt16
    /// The probe's source, which is ours if the cookie holds.
    package var local: UInt32
    package var localPort: UInt16
    /// Two candidates for the probe's sequence number; the second differs only for a RST.
    package var cookie: UInt32
    package var otherCookie: UInt32
    package var timeToLive: UInt8
    /// Whether the target's own host sent it, or something on the way there.
    package var isFromTarget: Bool
    package var window: UInt16?
    package var maximumSegmentSize: UInt16?

    /// Takes apart `packet`, an IPv4 packet; nil when it can be no answer to a SYN.
    @inline(__always)
    package init?(ipv4 packet: PacketBytes) {
        guard let ip = IPv4View(packet), ip.isFirstFragment, let payload = ip.payload else { return nil }
        switch ip.protocolNumber {
        case IPv4View.ProtocolNumber.tcp: self.init(ip, segment: payload)
        case IPv4View.ProtocolNumber.icmp: self.init(ip, message: payload)
        default: return nil
        }
    }

    @inline(__always)
    private init?(_ ip: IPv4View, segment: PacketBytes) {
        guard let tcp = TCPView(segment) else { return nil }
        let flags = tcp.flags & (TCPView.Flag.syn | TCPView.Flag.rst | TCPView.Flag.ack)
        let acknowledged = tcp.acknowledgment &- 1
        (target, targetPort) = (ip.source, tcp.sourcePort)
        (local, localPort) = (ip.destination, tcp.destinationPort)
        (cookie, otherCookie) = (acknowledged, acknowledged)
        timeToLive = ip.timeToLive
        isFromTarget = true
        switch flags {
        case TCPView.Flag.syn | TCPView.Flag.ack:
            kind = .answer(.synAck)
            window = tcp.window
            maximumSegmentSize = tcp.maximumSegmentSize
        case TCPView.Flag.rst | TCPView.Flag.ack:
            kind = .answer(.reset)
            // Some stacks acknowledge the sequence number itself instead of the one after it.
            otherCookie = tcp.acknowledgment
        case TCPView.Flag.rst: kind = .bareReset
        default: return nil
        }
    }

    @inline(__always)
    private init?(_ ip: IPv4View, message: PacketBytes) {
        guard let icmp = ICMPView(message), let reason = Reason(icmpType: icmp.type, code: icmp.code) else { return nil }
        kind = .answer(reason)
        (target, targetPort) = (icmp.quoted.destination, icmp.quoted.destinationPort)
        (local, localPort) = (icmp.quoted.source, icmp.quoted.sourcePort)
        (cookie, otherCookie) = (icmp.quoted.sequence, icmp.quoted.sequence)
        timeToLive = ip.timeToLive
        isFromTarget = ip.source == icmp.quoted.destination
    }

    /// Whether the packet carries the cookie of a probe to its target.
    @inline(__always)
    package func isVerified(by cookies: ProbeCookie) -> Bool {
        let expected = cookies.value(source: local, destination: target, sourcePort: localPort, destinationPort: targetPort)
        return cookie == expected || otherCookie == expected
    }
}
