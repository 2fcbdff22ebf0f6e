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

    package init(framing: Framing, source: UInt32, options: TCPOptions) {
        var header: [UInt8] = []
        if case .ethernet(let from, let to) = framing {
            header = to.bytes + from.bytes + [0x08, 0x00]
        }
        let ip = header.count
        let tcp = ip + IPv4View.minimumLength
        let tcpOptions = options.encoded
        let segmentLength = TCPView.minimumLength + tcpOptions.count
        var bytes = header + [UInt8](repeating: 0, count: IPv4View.minimumLength + TCPView.minimumLength) + tcpOptions
        let sums = bytes.withUnsafeMutableBytes { buffer -> (UInt32, UInt32) in
            guard let start = buffer.baseAddress else { return (0, 0) }
            start.put(Self.ipv4Version, at: ip)
            start.put(UInt16(IPv4View.minimumLength + segmentLength), at: ip + IPv4View.Offset.totalLength)
            start.put(Self.dontFragment, at: ip + IPv4View.Offset.fragment)
            start.put(options.timeToLive, at: ip + IPv4View.Offset.timeToLive)
            start.put(IPv4View.ProtocolNumber.tcp, at: ip + IPv4View.Offset.protocol)
            start.put(source, at: ip + IPv4View.Offset.source)
            start.put(UInt8(segmentLength / 4) << 4, at: tcp + TCPView.Offset.dataOffset)
            start.put(TCPView.Flag.syn, at: tcp + TCPView.Offset.flags)
            start.put(options.window, at: tcp + TCPView.Offset.window)

            var ipSum = InternetChecksum()
            ipSum.add(UnsafeRawBufferPointer(rebasing: buffer[ip..<tcp]))
            // The pseudo header: source, protocol and length here, the destination with each probe.
            var tcpSum = InternetChecksum(UInt32(IPv4View.ProtocolNumber.tcp) + UInt32(segmentLength))
            tcpSum.add(source)
            tcpSum.add(UnsafeRawBufferPointer(rebasing: buffer[tcp...]))
            return (ipSum.sum, tcpSum.sum)
        }
        self.bytes = bytes
        patch = SynPatch(ip: ip, tcp: tcp, ipSum: sums.0, tcpSum: sums.1)
    }
}

/// Makes copies of a template probes, with destination, ports and cookie.
///
/// The checksums of everything that never changes are summed up beforehand, so a patch costs two folds (RFC 1071 §2; RFC 1624 is the
/// same arithmetic told as a difference). Plain numbers, so that copying one counts no references.
package struct SynPatch: Sendable, BitwiseCopyable {
    /// Where the headers begin.
    fileprivate let ip: Int
    fileprivate let tcp: Int
    fileprivate let ipSum: UInt32
    fileprivate let tcpSum: UInt32

    /// Makes the frame at `frame`, a copy of the template's bytes, the probe for one target.
    @inline(__always)
    package func apply(to frame: UnsafeMutableRawPointer, destination: UInt32, sourcePort: UInt16, destinationPort: UInt16, cookie: UInt32)
    {
        var ipChecksum = InternetChecksum(ipSum)
        ipChecksum.add(destination)
        frame.put(destination, at: ip &+ IPv4View.Offset.destination)
        frame.put(ipChecksum.folded, at: ip &+ IPv4View.Offset.checksum)

        var tcpChecksum = InternetChecksum(tcpSum)
        tcpChecksum.add(destination)
        tcpChecksum.add(sourcePort)
        tcpChecksum.add(destinationPort)
        tcpChecksum.add(cookie)
        frame.put(sourcePort, at: tcp &+ TCPView.Offset.sourcePort)
        frame.put(destinationPort, at: tcp &+ TCPView.Offset.destinationPort)
        frame.put(cookie, at: tcp &+ TCPView.Offset.sequence)
        frame.put(tcpChecksum.folded, at: tcp &+ TCPView.Offset.checksum)
    }
}

extension TCPOptions {
    /// The options as they stand in the header, padded to four bytes (RFC 9293 §3.1, RFC 7323, RFC 2018).
    fileprivate var encoded: [UInt8] {
        let mss: [UInt8] = [2, 4, 0x05, 0xB4]
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

    fileprivate var timeToLive: UInt8 { self == .windows ? 128 : 64 }

    fileprivate var window: UInt16 { 64_240 }
}
