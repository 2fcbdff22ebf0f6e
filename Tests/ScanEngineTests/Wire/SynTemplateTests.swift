import PacketIO
import ScanCore
import ScanTargets
import TestSupport
import Testing

@Suite("The probe on the wire")
struct SynTemplateTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let options: TCPOptions
        let ethernet: Bool
        let family: IPAddress.Family
        var testDescription: String { "\(family), \(options.rawValue), \(ethernet ? "Ethernet" : "IP only")" }

        var source: IPAddress { family == .v4 ? IPAddress(v4: Fixture.local) : IPAddress(v6: FixtureV6.local) }
        /// Where the IP packet and the TCP checksum in it stand in the frame.
        var start: Int { ethernet ? 14 : 0 }
        var tcpChecksum: Int { start + (family == .v4 ? 36 : 56) }
    }

    private static let cases = [IPAddress.Family.v4, .v6].flatMap { family in
        TCPOptions.allCases.flatMap { options in [true, false].map { Case(options: options, ethernet: $0, family: family) } }
    }

    private static func options(_ item: Case) -> [UInt8] {
        let mss: [UInt8] = [2, 4] + (item.family == .v4 ? [0x05, 0xB4] : [0x05, 0xA0])  // maximum segment size 1460 or 1440
        switch item.options {
        case .none: return []
        case .mss: return mss
        case .linux:
            return mss + [4, 2]  // SACK permitted
                + [8, 10, 0, 0, 0, 1, 0, 0, 0, 0]  // time stamp 1, nothing echoed
                + [1, 3, 3, 7]  // no-operation, window scale 7
        case .windows:
            return mss + [1, 3, 3, 8]  // no-operation, window scale 8
                + [1, 1, 4, 2]  // two no-operations, SACK permitted
        }
    }

    private static func template(_ item: Case) throws -> SynTemplate {
        let own = try #require(HardwareAddress(bytes: [0x02, 0, 0x5E, 0x10, 0, 0x01]))
        let hop = try #require(HardwareAddress(bytes: [0x02, 0, 0x5E, 0x10, 0, 0x02]))
        return SynTemplate(
            framing: item.ethernet ? .ethernet(source: own, destination: hop) : .none, source: item.source, options: item.options)
    }

    /// The probe as RFC 791, RFC 8200 and RFC 9293 want it, without its checksums.
    private static func expected(_ item: Case, _ probe: Probe) -> [UInt8] {
        let options = options(item)
        let link: [UInt8] =
            [0x02, 0, 0x5E, 0x10, 0, 0x02]  // to the next hop
            + [0x02, 0, 0x5E, 0x10, 0, 0x01]  // from this machine
            + (item.family == .v4 ? [0x08, 0x00] : [0x86, 0xDD])
        let tcp: [UInt8] =
            probe.sourcePort.bytes + probe.destinationPort.bytes + probe.cookie(item).bytes
            + [0, 0, 0, 0]  // acknowledgment number
            + [UInt8(5 + options.count / 4) << 4, 0x02]  // header length in words, SYN and nothing else
            + [0xFA, 0xF0, 0, 0, 0, 0]  // window 64240, checksum, urgent pointer
        return (item.ethernet ? link : []) + ip(item, probe, UInt16(tcp.count + options.count)) + tcp + options
    }

    private static func ip(_ item: Case, _ probe: Probe, _ length: UInt16) -> [UInt8] {
        let hops: UInt8 = item.options == .windows ? 128 : 64
        switch item.family {
        case .v4:
            return [0x45, 0x00] + (20 + length).bytes  // version 4, header of 5 words; total length
                + [0x00, 0x00, 0x40, 0x00]  // identification 0; don't fragment
                + [hops, 6, 0, 0]  // time to live, TCP, checksum
                + Fixture.local.bytes + probe.destinationV4.bytes
        case .v6:
            return [0x60, 0x00, 0x00, 0x00]  // version 6, traffic class 0, flow label 0
                + length.bytes + [6, hops]  // payload length; TCP, hop limit
                + FixtureV6.local.bytes + probe.destination.bytes
        }
    }

    private struct Probe {
        /// An IPv4 probe goes to the address in the low 32 bits.
        var destination: UInt128
        var destinationV4: UInt32 { UInt32(truncatingIfNeeded: destination) }
        var sourcePort: UInt16
        var destinationPort: UInt16

        func cookie(_ item: Case) -> UInt32 {
            switch item.family {
            case .v4: Fixture.cookies.sender(Fixture.local, sourcePort).cookie(to: destinationV4, destinationPort)
            case .v6: Fixture.cookies.sender(FixtureV6.local, sourcePort).cookie(to: destination, destinationPort)
            }
        }

        func target(_ item: Case) -> Endpoint {
            Endpoint(address: item.family == .v4 ? IPAddress(v4: destinationV4) : IPAddress(v6: destination), port: destinationPort)
        }
    }

    /// Corners of every field, then random ones.
    private static func probes(_ generator: inout SeededGenerator, count: Int) -> [Probe] {
        let corners = [
            Probe(destination: 0, sourcePort: 0, destinationPort: 0),
            Probe(destination: .max, sourcePort: .max, destinationPort: .max),
            Probe(destination: 0xFFFF_0000_FFFF_0000_FFFF_0000_FFFF_0000, sourcePort: 1, destinationPort: .max),
        ]
        return corners
            + (0..<count).map { _ in
                Probe(
                    destination: UInt128(generator.next()) << 64 | UInt128(generator.next()),
                    sourcePort: UInt16(truncatingIfNeeded: generator.next()),
                    destinationPort: UInt16(truncatingIfNeeded: generator.next()))
            }
    }

    /// Makes `probe` of `frame`, which begins with a copy of the template.
    private static func patch(_ item: Case, _ template: SynTemplate, _ probe: Probe, into frame: inout [UInt8]) {
        patch(item, template, [probe], into: &frame, stride: frame.count)
    }

    /// Makes probes of the copies of the template that stand each `stride` bytes in `frames`.
    private static func patch(_ item: Case, _ template: SynTemplate, _ probes: [Probe], into frames: inout [UInt8], stride: Int) {
        frames.withUnsafeMutableBytes { buffer in
            guard let start = buffer.baseAddress else { return }
            let slots = FrameSlots(start, stride: stride, count: probes.count)
            var writer = FrameWriter(template, Fixture.cookies, source: item.source, slots: slots)
            defer { writer.deallocate() }
            for probe in probes { writer.add(0, probe.target(item), by: 0, from: probe.sourcePort) }
            writer.complete()
        }
    }

    @Test("each probe of a batch is what it is alone, with canaries from ports of their own in any place", arguments: cases)
    func batches(item: Case) throws {
        var generator = SeededGenerator(seed: 62)
        let template = try Self.template(item)
        let stride = FrameSlots.stride(for: template.bytes.count)
        let blank = template.bytes + [UInt8](repeating: 0xA5, count: stride - template.bytes.count)
        for count in Array(1...20) + [FrameSlots.batch] {
            var probes = Self.probes(&generator, count: count).suffix(count).map { probe in
                var probe = probe
                probe.sourcePort = generator.next() % 8 == 0 ? 61_007 : 61_000
                return probe
            }
            if count == 3 { for index in probes.indices { probes[index].sourcePort = UInt16(index) } }
            // One more frame than there are probes must stay as it is.
            var frames = Array(repeatElement(blank, count: count + 1).joined())
            Self.patch(item, template, probes, into: &frames, stride: stride)
            var expected: [UInt8] = []
            for probe in probes {
                var frame = blank
                Self.patch(item, template, probe, into: &frame)
                expected += frame
            }
            try #require(frames == expected + blank, "\(count) probes")
        }
    }

    @Test("every byte of a probe is as the RFCs want it, and its checksums are right", arguments: cases)
    func everyByte(item: Case) throws {
        var generator = SeededGenerator(seed: 60)
        let template = try Self.template(item)
        for probe in Self.probes(&generator, count: 2000) {
            var frame = template.bytes
            Self.patch(item, template, probe, into: &frame)
            let packet = Array(frame[item.start...])
            var blanked = frame.replacing(at: item.tcpChecksum, with: [0, 0])
            if item.family == .v4 {
                try #require(SlowChecksum.ofHeader(packet) == 0 && SlowChecksum.ofSegment(packet) == 0)
                blanked = blanked.replacing(at: item.start + 10, with: [0, 0])
            } else {
                try #require(SlowChecksum.ofIPv6Payload(packet) == 0)
            }
            try #require(blanked == Self.expected(item, probe))
        }
    }

    @Test("a frame that has carried a thousand probes carries nothing of them in the next", arguments: cases)
    func noResidue(item: Case) throws {
        var generator = SeededGenerator(seed: 61)
        let template = try Self.template(item)
        // Neighbours in the batch must stay untouched.
        let guarded = [UInt8](repeating: 0xA5, count: 32)
        var used = template.bytes + guarded
        for probe in Self.probes(&generator, count: 1000) {
            Self.patch(item, template, probe, into: &used)
            var fresh = template.bytes
            Self.patch(item, template, probe, into: &fresh)
            try #require(used == fresh + guarded)
        }
    }

    @Test("a probe comes back in an ICMP error and is recognised", arguments: cases)
    func recognised(item: Case) throws {
        let template = try Self.template(item)
        let from: UInt16 = 61_003
        let destination = item.family == .v4 ? UInt128(Fixture.target) : FixtureV6.target
        var frame = template.bytes
        Self.patch(item, template, Probe(destination: destination, sourcePort: from, destinationPort: 443), into: &frame)
        let packet = frame[item.start...]
        let error =
            item.family == .v4
            ? Fixture.icmp(type: 3, code: 13, quoting: Array(packet.prefix(28)))
            : FixtureV6.icmp(type: 1, code: 1, quoting: Array(packet))
        let reply = try #require(GuardedMemory().reply(error))
        #expect(reply.isVerified(by: Fixture.cookies))
        #expect(reply.targetPort == 443 && reply.localPort == from)
    }
}
