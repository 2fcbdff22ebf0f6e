/// Makes copies of a template probes, with destination, ports and cookie.
///
/// The checksums of everything that never changes are summed up beforehand, so a patch costs two folds, or one for IPv6 (RFC 1071 §2; RFC 1624
/// is the same arithmetic told as a difference). Plain numbers, so that copying one counts no references.
package struct SynPatch: Sendable, BitwiseCopyable {
    /// Where the headers begin.
    private let ip: Int
    private let tcp: Int
    private let ipSum: UInt32
    private let tcpSum: UInt32

    /// The sums are those of the template's bytes, the TCP one with the pseudo header but for the destination.
    init(ip: Int, tcp: Int, ipSum: InternetChecksum, tcpSum: InternetChecksum) {
        (self.ip, self.tcp) = (ip, tcp)
        (self.ipSum, self.tcpSum) = (ipSum.sum, tcpSum.sum)
    }

    /// Makes the frame at `frame`, a copy of an IPv4 template's bytes, the probe for one target.
    @inline(__always)
    package func apply(to frame: UnsafeMutableRawPointer, destination: UInt32, sourcePort: UInt16, destinationPort: UInt16, cookie: UInt32)
    {
        var ipChecksum = InternetChecksum(ipSum)
        ipChecksum.add(destination)
        frame.put(destination, at: ip &+ IPv4View.Offset.destination)
        frame.put(ipChecksum.folded, at: ip &+ IPv4View.Offset.checksum)

        var tcpChecksum = InternetChecksum(tcpSum)
        tcpChecksum.add(destination)
        put(tcpChecksum, sourcePort, destinationPort, cookie, to: frame)
    }

    /// The same for a copy of an IPv6 template's bytes; IPv6 has no checksum of its own.
    @inline(__always)
    package func apply(to frame: UnsafeMutableRawPointer, destination: UInt128, sourcePort: UInt16, destinationPort: UInt16, cookie: UInt32)
    {
        frame.put(destination, at: ip &+ IPv6View.Offset.destination)
        var tcpChecksum = InternetChecksum(tcpSum)
        tcpChecksum.add(destination)
        put(tcpChecksum, sourcePort, destinationPort, cookie, to: frame)
    }

    @inline(__always)
    private func put(
        _ checksum: InternetChecksum, _ sourcePort: UInt16, _ destinationPort: UInt16, _ cookie: UInt32, to frame: UnsafeMutableRawPointer
    ) {
        var checksum = checksum
        checksum.add(sourcePort)
        checksum.add(destinationPort)
        checksum.add(cookie)
        frame.put(sourcePort, at: tcp &+ TCPView.Offset.sourcePort)
        frame.put(destinationPort, at: tcp &+ TCPView.Offset.destinationPort)
        frame.put(cookie, at: tcp &+ TCPView.Offset.sequence)
        frame.put(checksum.folded, at: tcp &+ TCPView.Offset.checksum)
    }
}
