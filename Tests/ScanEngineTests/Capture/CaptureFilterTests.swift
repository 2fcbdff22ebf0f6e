import CPcap
import PacketIO
import ScanTargets
import TestSupport
import Testing

/// The filters in libpcap's own interpreter, over the bytes that a capture delivers.
@Suite("What the kernel lets through")
struct CaptureFilterTests {
    private typealias Extension = FixtureV6.Extension
    private typealias Flags = Fixture.Flags

    struct Link: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let type: Int32
        let ipv4: [UInt8]
        let ipv6: [UInt8]

        func frame(_ packet: [UInt8]) -> [UInt8] { (packet[0] >> 4 == 6 ? ipv6 : ipv4) + packet }
    }

    private static let links = [
        Link(testDescription: "Ethernet", type: DLT_EN10MB, ipv4: Fixture.ethernet, ipv6: FixtureV6.ethernet),
        Link(testDescription: "LINUX_SLL2", type: DLT_LINUX_SLL2, ipv4: Fixture.cooked, ipv6: FixtureV6.cooked),
        Link(testDescription: "RAW", type: DLT_RAW, ipv4: [], ipv6: []),
    ]

    /// A filter for the ports 60992 to 61007, among which is the fixtures' 61000.
    private final class Filter {
        private var program = bpf_program()

        init(_ link: Link, _ families: Set<IPAddress.Family>, first: UInt16 = 60_992, count: UInt16 = 16) throws {
            let handle = try #require(pcap_open_dead(link.type, 256))
            defer { pcap_close(handle) }
            let expression = CaptureFilter.expression(first: first, count: count, families: families)
            let code = pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN)
            try #require(code == 0, "\(expression): \(String(cString: pcap_geterr(handle)))")
        }

        deinit {
            pcap_freecode(&program)
        }

        func passes(_ frame: [UInt8]) -> Bool {
            var header = pcap_pkthdr()
            (header.caplen, header.len) = (UInt32(frame.count), UInt32(frame.count))
            return pcap_offline_filter(&program, &header, frame) != 0
        }
    }

    private static let answersV4 = [
        Fixture.synAck, Fixture.reset, Fixture.tcpPacket(Flags.rst, acknowledging: 0), Fixture.tcpPacket(Flags.syn, acknowledging: 0),
        Fixture.tcpPacket(Flags.ack, acknowledging: 9), Fixture.icmp(type: 3, code: 13),
        Fixture.icmp(type: 11, code: 0), Fixture.addingIPOptions([1, 1, 1, 1], to: Fixture.synAck),
    ]

    private static let answersV6 =
        [
            FixtureV6.synAck, FixtureV6.reset, FixtureV6.tcpPacket(Flags.rst, acknowledging: 0),
            FixtureV6.tcpPacket(Flags.syn, acknowledging: 0), FixtureV6.tcpPacket(Flags.ack, acknowledging: 9),
            FixtureV6.icmp(type: 1, code: 1),
            FixtureV6.icmp(type: 3, code: 0), FixtureV6.icmp(type: 4, code: 1), FixtureV6.icmp(type: 1, code: 3, behind: [.hopByHop]),
        ]
        + [Extension.hopByHop, .destinationOptions, .routing, .atomicFragment, .authentication].map {
            FixtureV6.tcpPacket(Flags.syn | Flags.ack, acknowledging: FixtureV6.cookie + 1, behind: [$0])
        }

    private static let strangersV4 = [
        Fixture.tcpPacket(Flags.fin, acknowledging: 0), Fixture.icmp(type: 8, code: 0), Fixture.ipv4(protocol: 17, carrying: Fixture.reset),
        Fixture.synAck.replacing(at: 22, with: (60_991 as UInt16).bytes), Fixture.synAck.replacing(at: 22, with: (61_008 as UInt16).bytes),
    ]

    private static let strangersV6 = [
        FixtureV6.tcpPacket(Flags.fin, acknowledging: 0), FixtureV6.icmp(type: 128, code: 0), FixtureV6.icmp(type: 136, code: 0),
        FixtureV6.icmp(type: 2, code: 0), FixtureV6.ipv6(carrying: 17, Fixture.reset),
        FixtureV6.synAck.replacing(at: 42, with: (60_991 as UInt16).bytes),
        FixtureV6.synAck.replacing(at: 42, with: (61_008 as UInt16).bytes),
        FixtureV6.icmp(type: 143, code: 0, behind: [.hopByHop]),
    ]

    @Test("all answers pass, and other traffic does not, for every choice of families", arguments: links)
    func passes(link: Link) throws {
        for families in [[.v4], [.v6], [.v4, .v6]] as [Set<IPAddress.Family>] {
            let filter = try Filter(link, families)
            for packet in Self.answersV4 { #expect(filter.passes(link.frame(packet)) == families.contains(.v4), "\(families): \(packet)") }
            for packet in Self.answersV6 { #expect(filter.passes(link.frame(packet)) == families.contains(.v6), "\(families): \(packet)") }
            for packet in Self.strangersV4 + Self.strangersV6 {
                #expect(!filter.passes(link.frame(packet)), "\(families): \(packet)")
            }
        }
    }

    @Test("a job that probes neither family hears nothing", arguments: links)
    func nothing(link: Link) throws {
        let filter = try Filter(link, [])
        for packet in Self.answersV4 + Self.answersV6 { #expect(!filter.passes(link.frame(packet))) }
    }

    @Test("the first and the last port of a block belong to it, up to the highest there is", arguments: links)
    func edges(link: Link) throws {
        for (first, ports) in [(60_992, [60_992, 61_007]), (65_520, [65_520, 65_535])] as [(UInt16, [UInt16])] {
            let filter = try Filter(link, [.v4, .v6], first: first)
            for port in ports {
                #expect(filter.passes(link.frame(Fixture.synAck.replacing(at: 22, with: port.bytes))))
                #expect(filter.passes(link.frame(FixtureV6.synAck.replacing(at: 42, with: port.bytes))))
            }
            for port in [first - 1, 0] {
                #expect(!filter.passes(link.frame(Fixture.synAck.replacing(at: 22, with: port.bytes))))
                #expect(!filter.passes(link.frame(FixtureV6.synAck.replacing(at: 42, with: port.bytes))))
            }
        }
    }

    @Test("what is neither IPv4 nor IPv6 does not pass")
    func otherProtocols() throws {
        let filter = try Filter(try #require(Self.links.first), [.v4, .v6])
        for type in [0x0806, 0x88CC] as [UInt16] {
            for packet in [Fixture.synAck, FixtureV6.synAck] {
                #expect(!filter.passes(Fixture.ethernetAddresses + type.bytes + packet))
            }
        }
    }
}
