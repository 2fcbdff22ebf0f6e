/// Makes copies of a template probes, in two steps: what they ask, and what follows from that, the cookie and the checksums.
///
/// The checksums of everything that never changes are summed up beforehand (RFC 1071 §2; RFC 1624 is the same arithmetic told as a difference).
/// Plain numbers, so that copying one counts no references.
package struct SynPatch: Sendable, BitwiseCopyable {
    /// Where the headers begin.
    private let ip: Int
    private let tcp: Int
    private let ipSum: UInt64
    private let tcpSum: UInt64

    /// The sums are those of the template's bytes, the TCP one with the pseudo header but for the destination.
    init(ip: Int, tcp: Int, ipSum: InternetChecksum, tcpSum: InternetChecksum) {
        (self.ip, self.tcp) = (ip, tcp)
        (self.ipSum, self.tcpSum) = (ipSum.sum, tcpSum.sum)
    }

    // MARK: - What is asked

    /// Has the frame at `frame`, a copy of an IPv4 template's bytes, ask a port.
    @inline(__always)
    package func aim(_ frame: UnsafeMutableRawPointer, at destination: UInt32, port: UInt16, from sourcePort: UInt16) {
        frame.put(destination, at: ip &+ IPv4View.Offset.destination)
        frame.put(UInt32(sourcePort) &<< 16 | UInt32(port), at: tcp &+ TCPView.Offset.sourcePort)
    }

    /// The same for a copy of an IPv6 template's bytes.
    @inline(__always)
    package func aim(_ frame: UnsafeMutableRawPointer, at destination: UInt128, port: UInt16, from sourcePort: UInt16) {
        frame.put(destination, at: ip &+ IPv6View.Offset.destination)
        frame.put(UInt32(sourcePort) &<< 16 | UInt32(port), at: tcp &+ TCPView.Offset.sourcePort)
    }

    // MARK: - What follows from that

    @inline(__always)
    package func ports(of frame: UnsafeRawPointer) -> Ports {
        Ports(both: frame.uint32(tcp &+ TCPView.Offset.sourcePort))
    }

    @inline(__always)
    package func destination(v4 frame: UnsafeRawPointer) -> UInt32 {
        frame.uint32(ip &+ IPv4View.Offset.destination)
    }

    @inline(__always)
    package func destination(v6 frame: UnsafeRawPointer) -> UInt128 {
        frame.uint128(ip &+ IPv6View.Offset.destination)
    }

    /// Puts the cookie and the checksums into an IPv4 frame that asks this.
    @inline(__always)
    package func complete(_ frame: UnsafeMutableRawPointer, _ destination: UInt32, _ ports: Ports, cookie: UInt32) {
        var ipChecksum = InternetChecksum(ipSum)
        ipChecksum.add(destination)
        frame.put(ipChecksum.folded, at: ip &+ IPv4View.Offset.checksum)
        var tcpChecksum = InternetChecksum(tcpSum)
        tcpChecksum.add(destination)
        complete(frame, tcpChecksum, ports, cookie)
    }

    /// The same for an IPv6 frame, which has no checksum of its own.
    @inline(__always)
    package func complete(_ frame: UnsafeMutableRawPointer, _ destination: UInt128, _ ports: Ports, cookie: UInt32) {
        var tcpChecksum = InternetChecksum(tcpSum)
        tcpChecksum.add(destination)
        complete(frame, tcpChecksum, ports, cookie)
    }

    @inline(__always)
    private func complete(_ frame: UnsafeMutableRawPointer, _ checksum: InternetChecksum, _ ports: Ports, _ cookie: UInt32) {
        var checksum = checksum
        checksum.add(ports.both)
        checksum.add(cookie)
        frame.put(cookie, at: tcp &+ TCPView.Offset.sequence)
        frame.put(checksum.folded, at: tcp &+ TCPView.Offset.checksum)
    }

    /// Both ports, as they stand one behind the other in the header.
    package struct Ports: BitwiseCopyable {
        fileprivate let both: UInt32

        @inline(__always)
        package var source: UInt16 { UInt16(truncatingIfNeeded: both &>> 16) }

        @inline(__always)
        package var destination: UInt16 { UInt16(truncatingIfNeeded: both) }
    }
}
