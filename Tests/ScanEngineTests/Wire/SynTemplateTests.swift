import ScanEngine
import ScanTargets
import TestSupport
import Testing

@Suite("The probe on the wire")
struct SynTemplateTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let options: TCPOptions
        let ethernet: Bool
        var testDescription: String { "\(options.rawValue), \(ethernet ? "Ethernet" : "IP only")" }
    }

    private static let cases = TCPOptions.allCases.flatMap { options in [true, false].map { Case(options: options, ethernet: $0) } }

    private static let source: UInt32 = 0xC000_0201

    private static let options: [TCPOptions: [UInt8]] = [
        .none: [],
        .mss: [2, 4, 0x05, 0xB4],  // maximum segment size 1460
        .linux: [2, 4, 0x05, 0xB4]
            + [4, 2]  // SACK permitted
            + [8, 10, 0, 0, 0, 1, 0, 0, 0, 0]  // time stamp 1, nothing echoed
            + [1, 3, 3, 7],  // no-operation, window scale 7
        .windows: [2, 4, 0x05, 0xB4]
            + [1, 3, 3, 8]  // no-operation, window scale 8
            + [1, 1, 4, 2],  // two no-operations, SACK permitted
    ]

    private static func template(_ item: Case) throws -> SynTemplate {
        let own = try #require(HardwareAddress(bytes: [0x02, 0, 0x5E, 0x10, 0, 0x01]))
        let hop = try #require(HardwareAddress(bytes: [0x02, 0, 0x5E, 0x10, 0, 0x02]))
        return SynTemplate(framing: item.ethernet ? .ethernet(source: own, destination: hop) : .none, source: source, options: item.options)
    }

    /// The probe as RFC 791 and RFC 9293 want it, without its checksums.
    private static func expected(_ item: Case, _ probe: Probe) -> [UInt8] {
        let options = Self.options[item.options] ?? []
        let link: [UInt8] =
            item.ethernet
            ? [0x02, 0, 0x5E, 0x10, 0, 0x02]  // to the next hop
                + [0x02, 0, 0x5E, 0x10, 0, 0x01]  // from this machine
                + [0x08, 0x00]  // IPv4
            : []
        let ip: [UInt8] =
            [0x45, 0x00] + UInt16(40 + options.count).bytes  // version 4, header of 5 words; total length
            + [0x00, 0x00, 0x40, 0x00]  // identification 0; don't fragment
            + [item.options == .windows ? 128 : 64, 6, 0, 0]  // time to live, TCP, checksum
            + source.bytes + probe.destination.bytes
        let tcp: [UInt8] =
            probe.sourcePort.bytes + probe.destinationPort.bytes + probe.cookie.bytes
            + [0, 0, 0, 0]  // acknowledgment number
            + [UInt8(5 + options.count / 4) << 4, 0x02]  // header length in words, SYN and nothing else
            + [0xFA, 0xF0, 0, 0, 0, 0]  // window 64240, checksum, urgent pointer
        return link + ip + tcp + options
    }

    private struct Probe {
        var destination: UInt32
        var sourcePort: UInt16
        var destinationPort: UInt16
        var cookie: UInt32
    }

    /// Corners of every field, then random ones.
    private static func probes(_ generator: inout SeededGenerator, count: Int) -> [Probe] {
        let corners = [
            Probe(destination: 0, sourcePort: 0, destinationPort: 0, cookie: 0),
            Probe(destination: .max, sourcePort: .max, destinationPort: .max, cookie: .max),
            Probe(destination: 0xFFFF_0000, sourcePort: 1, destinationPort: .max, cookie: 0x0000_FFFF),
        ]
        return corners
            + (0..<count).map { _ in
                Probe(
                    destination: UInt32(truncatingIfNeeded: generator.next()), sourcePort: UInt16(truncatingIfNeeded: generator.next()),
                    destinationPort: UInt16(truncatingIfNeeded: generator.next()), cookie: UInt32(truncatingIfNeeded: generator.next()))
            }
    }

    /// Patches `probe` into `frame`, which begins with a copy of the template.
    private static func patch(_ template: SynTemplate, _ probe: Probe, into frame: inout [UInt8]) {
        frame.withUnsafeMutableBytes { buffer in
            guard let start = buffer.baseAddress else { return }
            template.patch.apply(
                to: start, destination: probe.destination, sourcePort: probe.sourcePort, destinationPort: probe.destinationPort,
                cookie: probe.cookie)
        }
    }

    @Test("every byte of a probe is as the RFCs want it, and both checksums are right", arguments: cases)
    func everyByte(item: Case) throws {
        var generator = SeededGenerator(seed: 60)
        let template = try Self.template(item)
        let start = item.ethernet ? 14 : 0
        for probe in Self.probes(&generator, count: 2000) {
            var frame = template.bytes
            Self.patch(template, probe, into: &frame)
            let packet = Array(frame[start...])
            try #require(SlowChecksum.ofHeader(packet) == 0)
            try #require(SlowChecksum.ofSegment(packet) == 0)
            let blanked = frame.replacing(at: start + 10, with: [0, 0]).replacing(at: start + 36, with: [0, 0])
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
            Self.patch(template, probe, into: &used)
            var fresh = template.bytes
            Self.patch(template, probe, into: &fresh)
            try #require(used == fresh + guarded)
        }
    }

    @Test("a probe comes back in an ICMP error and is recognised", arguments: cases)
    func recognised(item: Case) throws {
        let template = try Self.template(item)
        let cookie = Fixture.cookies.value(source: Self.source, destination: 0xC633_6407, sourcePort: 61_003, destinationPort: 443)
        var frame = template.bytes
        let probe = Probe(destination: 0xC633_6407, sourcePort: 61_003, destinationPort: 443, cookie: cookie)
        Self.patch(template, probe, into: &frame)
        let quote = Array(frame[(item.ethernet ? 14 : 0)...].prefix(28))
        let reply = try #require(GuardedMemory().reply(Fixture.icmp(type: 3, code: 13, quoting: quote)))
        #expect(reply.isVerified(by: Fixture.cookies))
        #expect(reply.targetPort == 443 && reply.localPort == 61_003)
    }
}
