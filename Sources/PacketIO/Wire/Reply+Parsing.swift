package import ScanCore

/// How a captured packet is taken apart.
extension Reply {
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
        let acknowledged = tcp.acknowledgment &- 1
        var (cookie, otherCookie) = (acknowledged, acknowledged)
        var (window, maximumSegmentSize): (UInt16?, UInt16?) = (nil, nil)
        let kind: Kind
        switch tcp.flags & (TCPView.Flag.syn | TCPView.Flag.rst | TCPView.Flag.ack) {
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
        self.init(
            kind, addresses, targetPort: tcp.sourcePort, localPort: tcp.destinationPort, cookie: cookie, otherCookie: otherCookie,
            timeToLive: timeToLive, isFromTarget: true, window: window, maximumSegmentSize: maximumSegmentSize)
    }

    /// An ICMP error about `probe`.
    @inline(__always)
    private init(_ reason: Reason, _ probe: QuotedProbe, _ addresses: ProbeAddresses, _ timeToLive: UInt8, isFromTarget: Bool) {
        self.init(
            .answer(reason), addresses, targetPort: probe.targetPort, localPort: probe.localPort, cookie: probe.sequence,
            otherCookie: probe.sequence, timeToLive: timeToLive, isFromTarget: isFromTarget)
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
