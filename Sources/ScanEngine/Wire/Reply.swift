/// A captured packet that may answer a probe, taken apart but not yet verified.
package struct Reply: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case answer(Reason)
        /// What acknowledges nothing that a probe carries, and so proves nothing (`Signs`): a RST without ACK, a SYN in return, and an ACK alone, by
        /// which a host with another connection of these ports in mind challenges the probe (RFC 5961 §4).
        case bareReset, loneSyn, challenge
    }

    /// The probe's; its source is ours if the cookie holds.
    package var addresses: ProbeAddresses
    package var kind: Kind
    package var targetPort: UInt16
    package var localPort: UInt16
    /// Two candidates for the probe's sequence number; the second differs only for a RST. Of a lone SYN its own.
    package var cookie: UInt32
    package var otherCookie: UInt32
    /// Or hop limit.
    package var timeToLive: UInt8
    /// Whether the target's own host sent it, or something on the way there.
    package var isFromTarget: Bool
    package var window: UInt16?
    package var maximumSegmentSize: UInt16?

    /// Takes apart `packet`; nil when it can be no answer to a SYN.
    @inline(__always)
    package init?(_ packet: IPPacket) {
        switch packet {
        case .v4(let bytes): self.init(ipv4: bytes)
        case .v6(let bytes): self.init(ipv6: bytes)
        }
    }

    @inline(__always)
    package init?(ipv4 packet: PacketBytes) {
        guard let ip = IPv4View(packet), ip.isFirstFragment, let payload = ip.payload else { return nil }
        switch ip.protocolNumber {
        case IPv4View.ProtocolNumber.tcp: self.init(payload, .v4(target: ip.source, local: ip.destination), ip.timeToLive)
        case IPv4View.ProtocolNumber.icmp:
            guard let icmp = ICMPView(payload), let reason = Reason(icmpType: icmp.type, code: icmp.code) else { return nil }
            let (target, local) = (icmp.packet.destination, icmp.packet.source)
            self.init(reason, icmp.probe, .v4(target: target, local: local), ip.timeToLive, isFromTarget: ip.source == target)
        default: return nil
        }
    }

    package init?(ipv6 packet: PacketBytes) {
        guard let ip = IPv6View(packet) else { return nil }
        switch ip.protocolNumber {
        case IPv6View.HeaderNumber.tcp: self.init(ip.payload, .v6(target: ip.source, local: ip.destination), ip.hopLimit)
        case IPv6View.HeaderNumber.icmp:
            guard let icmp = ICMPv6View(ip.payload), let reason = Reason(icmpv6Type: icmp.type, code: icmp.code) else { return nil }
            let (target, local) = (icmp.packet.destination, icmp.packet.source)
            self.init(reason, icmp.probe, .v6(target: target, local: local), ip.hopLimit, isFromTarget: ip.source == target)
        default: return nil
        }
    }

    /// An answer of the target's own TCP.
    @inline(__always)
    private init?(_ segment: PacketBytes, _ addresses: ProbeAddresses, _ timeToLive: UInt8) {
        guard let tcp = TCPView(segment) else { return nil }
        let flags = tcp.flags & (TCPView.Flag.syn | TCPView.Flag.rst | TCPView.Flag.ack)
        let acknowledged = tcp.acknowledgment &- 1
        self.addresses = addresses
        (targetPort, localPort) = (tcp.sourcePort, tcp.destinationPort)
        (cookie, otherCookie) = (acknowledged, acknowledged)
        self.timeToLive = timeToLive
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
        // With a FIN or data it belongs to a connection.
        case TCPView.Flag.syn where tcp.flags & TCPView.Flag.control == TCPView.Flag.syn:
            kind = .loneSyn
            (cookie, otherCookie) = (tcp.sequence, tcp.sequence)
        case TCPView.Flag.ack where tcp.flags & TCPView.Flag.control == TCPView.Flag.ack: kind = .challenge
        default: return nil
        }
    }

    /// An ICMP error about `probe`.
    @inline(__always)
    private init(_ reason: Reason, _ probe: QuotedProbe, _ addresses: ProbeAddresses, _ timeToLive: UInt8, isFromTarget: Bool) {
        kind = .answer(reason)
        self.addresses = addresses
        (targetPort, localPort) = (probe.targetPort, probe.localPort)
        (cookie, otherCookie) = (probe.sequence, probe.sequence)
        self.timeToLive = timeToLive
        self.isFromTarget = isFromTarget
    }

    /// Whether the packet carries the cookie of a probe to its target.
    @inline(__always)
    package func isVerified(by cookies: ProbeCookie) -> Bool {
        let expected =
            switch addresses {
            case .v4(let target, let local):
                cookies.sender(local, localPort).cookie(to: target, targetPort)
            case .v6(let target, let local):
                cookies.sender(local, localPort).cookie(to: target, targetPort)
            }
        return cookie == expected || otherCookie == expected
    }

    /// Whether a lone SYN is a probe of ours to a port of our own, as loopback shows it.
    package func isOwnProbe(by cookies: ProbeCookie) -> Bool {
        switch addresses {
        case .v4(let target, let local): cookies.sender(target, targetPort).cookie(to: local, localPort) == cookie
        case .v6(let target, let local): cookies.sender(target, targetPort).cookie(to: local, localPort) == cookie
        }
    }
}
