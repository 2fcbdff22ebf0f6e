package import ScanCore
package import ScanTargets

/// A SYN for one job and one way onto the wire: built once as bytes, then patched per probe.
package struct SynTemplate: Sendable {
    /// What stands before the IP header.
    package enum Framing: Sendable {
        case ethernet(source: HardwareAddress, destination: HardwareAddress)
        /// The kernel adds what the device wants.
        case none
    }

    package let bytes: [UInt8]
    package let patch: SynPatch

    private static let ipv4Version: UInt8 = 0x45
    private static let dontFragment: UInt16 = 0x4000
    /// Version 6, traffic class 0, flow label 0. A label that is the same for all probes of a job would be worse than none: it should tell flows
    /// apart, and routers that balance by it would send all ports of a host one way; without one they look at the ports (RFC 6437 §2, RFC 6438).
    private static let ipv6Version: UInt32 = 0x6000_0000

    /// The probe of the source's family.
    package init(framing: Framing, source: IPAddress, options: TCPOptions) {
        if let source = source.v4 {
            self.init(framing: framing, source: source, options: options)
        } else {
            self.init(framing: framing, source: source.value, options: options)
        }
    }

    /// An IPv4 probe.
    package init(framing: Framing, source: UInt32, options: TCPOptions) {
        let segment = options.segment(maximumSegmentSize: 1460)
        let header = Self.bytes(IPv4View.minimumLength) { start in
            start.put(Self.ipv4Version, at: 0)
            start.put(UInt16(IPv4View.minimumLength + segment.count), at: IPv4View.Offset.totalLength)
            start.put(Self.dontFragment, at: IPv4View.Offset.fragment)
            start.put(options.timeToLive, at: IPv4View.Offset.timeToLive)
            start.put(IPv4View.ProtocolNumber.tcp, at: IPv4View.Offset.protocol)
            start.put(source, at: IPv4View.Offset.source)
        }
        var pseudoHeader = InternetChecksum()
        pseudoHeader.add(source)
        self.init(framing.header(EtherType.ipv4), header, segment, pseudoHeader)
    }

    /// An IPv6 probe (RFC 8200), without extension headers.
    package init(framing: Framing, source: UInt128, options: TCPOptions) {
        let segment = options.segment(maximumSegmentSize: 1440)
        let header = Self.bytes(IPv6View.headerLength) { start in
            start.put(Self.ipv6Version, at: 0)
            start.put(UInt16(segment.count), at: IPv6View.Offset.payloadLength)
            start.put(IPv6View.HeaderNumber.tcp, at: IPv6View.Offset.nextHeader)
            start.put(options.timeToLive, at: IPv6View.Offset.hopLimit)
            start.put(source, at: IPv6View.Offset.source)
        }
        var pseudoHeader = InternetChecksum()
        pseudoHeader.add(source)
        self.init(framing.header(EtherType.ipv6), header, segment, pseudoHeader)
    }

    /// `pseudoHeader` lacks what both families have in it, the protocol and the length, and the destination, which comes with each probe.
    private init(_ link: [UInt8], _ header: [UInt8], _ segment: [UInt8], _ pseudoHeader: InternetChecksum) {
        var ipSum = InternetChecksum()
        header.withUnsafeBytes { ipSum.add($0) }
        var tcpSum = pseudoHeader
        tcpSum.add(UInt32(IPv4View.ProtocolNumber.tcp))
        tcpSum.add(UInt32(segment.count))
        segment.withUnsafeBytes { tcpSum.add($0) }
        bytes = link + header + segment
        patch = SynPatch(ip: link.count, tcp: link.count + header.count, ipSum: ipSum, tcpSum: tcpSum)
    }

    fileprivate static func bytes(_ count: Int, _ fill: (UnsafeMutableRawPointer) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            buffer.initialize(repeating: 0)
            if let start = buffer.baseAddress { fill(UnsafeMutableRawPointer(start)) }
            initialized = count
        }
    }
}

extension SynTemplate.Framing {
    fileprivate func header(_ type: UInt16) -> [UInt8] {
        switch self {
        case .ethernet(let source, let destination): EtherType.header(to: destination, from: source, type)
        case .none: []
        }
    }
}

extension TCPOptions {
    /// A SYN's TCP header, without ports, sequence number and checksum.
    fileprivate func segment(maximumSegmentSize: UInt16) -> [UInt8] {
        let options = encoded(maximumSegmentSize)
        let header = SynTemplate.bytes(TCPView.minimumLength) { start in
            start.put(UInt8((TCPView.minimumLength + options.count) / 4) << 4, at: TCPView.Offset.dataOffset)
            start.put(TCPView.Flag.syn, at: TCPView.Offset.flags)
            start.put(window, at: TCPView.Offset.window)
        }
        return header + options
    }

    /// The options as they stand in the header, padded to four bytes (RFC 9293 §3.1, RFC 7323, RFC 2018).
    private func encoded(_ maximumSegmentSize: UInt16) -> [UInt8] {
        let mss: [UInt8] = [2, 4, UInt8(maximumSegmentSize >> 8), UInt8(truncatingIfNeeded: maximumSegmentSize)]
        switch self {
        case .none: return []
        case .mss: return mss
        case .linux:
            // SACK permitted, time stamps (value 1, no echo), no-operation, window scale 7.
            return mss + [4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7]
        case .windows:
            // No-operation, window scale 8, two no-operations, SACK permitted.
            return mss + [1, 3, 3, 8, 1, 1, 4, 2]
        }
    }

    /// Or hop limit.
    fileprivate var timeToLive: UInt8 { self == .windows ? 128 : 64 }

    private var window: UInt16 { 64_240 }
}
