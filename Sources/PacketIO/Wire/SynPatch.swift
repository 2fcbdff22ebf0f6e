import CFrames
package import ScanCore

/// Makes copies of a template probes: what they ask, and what follows from that, the cookie and the checksums.
///
/// The checksums of everything that never changes are summed up beforehand (RFC 1071 §2; RFC 1624 is the same arithmetic told as a difference).
/// Plain numbers, so that copying one counts no references.
package struct SynPatch: Sendable, BitwiseCopyable {
    /// So many more aims than there are probes must be readable.
    static let padding = Int(CFRAMES_PADDING)

    /// Where the headers begin.
    private let ip: Int
    private let tcp: Int
    private let ipSum: InternetChecksum
    private let tcpSum: InternetChecksum

    /// The sums are those of the template's bytes, the TCP one with the pseudo header but for the destination.
    init(ip: Int, tcp: Int, ipSum: InternetChecksum, tcpSum: InternetChecksum) {
        (self.ip, self.tcp) = (ip, tcp)
        (self.ipSum, self.tcpSum) = (ipSum, tcpSum)
    }

    // MARK: - IPv4

    /// Has the first frames of `range`, copies of an IPv4 template's bytes, ask what their aims say, and puts cookies and checksums in, as long
    /// as they come from the sender's port: how many.
    package func complete(
        _ slots: FrameSlots, _ aims: UnsafePointer<ProbeAim>, _ range: Range<Int>, _ sender: ProbeCookie.Sender
    ) -> Int {
        let headers = (slots[range.lowerBound] + ip).assumingMemoryBound(to: UInt8.self)
        var probes = cframes_probes(
            headers: headers, stride: slots.stride, ip_sum: ipSum.inMemoryOrder, tcp_sum: tcpSum.inMemoryOrder, sender: sender.state,
            source_port: sender.port)
        return (aims + range.lowerBound).withMemoryRebound(to: cframes_aim.self, capacity: range.count) {
            cframes_complete(&probes, $0, range.count)
        }
    }

    // MARK: - IPv6

    /// Has the frame at `frame`, a copy of an IPv6 template's bytes, ask a port.
    @inline(__always)
    package func aim(_ frame: UnsafeMutableRawPointer, at destination: UInt128, port: UInt16, from sourcePort: UInt16) {
        frame.put(destination, at: ip &+ IPv6View.Offset.destination)
        frame.put(UInt32(sourcePort) &<< 16 | UInt32(port), at: tcp &+ TCPView.Offset.sourcePort)
    }

    @inline(__always)
    package func ports(of frame: UnsafeRawPointer) -> Ports {
        Ports(both: frame.uint32(tcp &+ TCPView.Offset.sourcePort))
    }

    @inline(__always)
    package func destination(of frame: UnsafeRawPointer) -> UInt128 {
        frame.uint128(ip &+ IPv6View.Offset.destination)
    }

    /// Puts the cookie and the checksum into a frame that asks this.
    @inline(__always)
    package func complete(_ frame: UnsafeMutableRawPointer, _ destination: UInt128, _ ports: Ports, cookie: UInt32) {
        var checksum = tcpSum
        checksum.add(destination)
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
