import PacketIO
import ScanCore
import TestSupport
import Testing

@Suite("What stands before IP in a captured packet")
struct LinkHeaderTests {
    struct Framing: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let header: LinkHeader
        let bytes: [UInt8]
        /// A SYN-ACK of the family that the bytes announce.
        let answer: [UInt8]

        init(_ what: String, _ header: LinkHeader, _ bytes: [UInt8], _ answer: [UInt8] = Fixture.synAck) {
            (testDescription, self.header, self.bytes, self.answer) = (what, header, bytes, answer)
        }
    }

    private static let framings = [
        Framing("Ethernet", .ethernet, Fixture.ethernet),
        Framing("a VLAN tag", .ethernet, Fixture.vlan),
        Framing("two VLAN tags (802.1ad)", .ethernet, Fixture.qinq),
        Framing("two VLAN tags of before the standard", .ethernet, Fixture.oldQinq),
        Framing("LINUX_SLL2", .cooked, Fixture.cooked),
        Framing("LINUX_SLL", .oldCooked, Fixture.oldCooked),
        Framing("RAW", .raw, []),
        Framing("IPv6, Ethernet", .ethernet, FixtureV6.ethernet, FixtureV6.synAck),
        Framing("IPv6, a VLAN tag", .ethernet, FixtureV6.vlan, FixtureV6.synAck),
        Framing("IPv6, two VLAN tags", .ethernet, FixtureV6.qinq, FixtureV6.synAck),
        Framing("IPv6, LINUX_SLL2", .cooked, FixtureV6.cooked, FixtureV6.synAck),
        Framing("IPv6, LINUX_SLL", .oldCooked, FixtureV6.oldCooked, FixtureV6.synAck),
        Framing("IPv6, RAW", .raw, [], FixtureV6.synAck),
    ]

    @Test("an answer is understood behind every link header", arguments: framings)
    func understood(framing: Framing) throws {
        let reply = try #require(GuardedMemory().reply(framing.bytes + framing.answer, behind: framing.header))
        #expect(reply.kind == .answer(.synAck))
        #expect(reply.isVerified(by: Fixture.cookies))
    }

    @Test("a capture that ends anywhere in the link header or the packet is never read past its end", arguments: framings)
    func truncated(framing: Framing) throws {
        let memory = GuardedMemory()
        let frame = framing.bytes + framing.answer
        // Both fixed headers are all that a verdict needs.
        let enough = framing.bytes.count + (framing.answer == Fixture.synAck ? 40 : 60)
        for length in 0..<frame.count {
            let reply = memory.reply(frame.prefix(length), behind: framing.header)
            #expect((reply != nil) == (length >= enough), "length \(length)")
        }
    }

    @Test("Ethernet's padding is not taken for TCP options")
    func padding() throws {
        let padding: [UInt8] = [2, 4, 0x12, 0x34, 0xA5, 0xA5]
        let claimsOptions = Fixture.tcpPacket(Fixture.Flags.syn | Fixture.Flags.ack, acknowledging: Fixture.cookie + 1)
            .replacing(at: 32, with: [0x60])  // a header of 6 words in a packet that has room for 5
        let reply = try #require(GuardedMemory().reply(Fixture.ethernet + claimsOptions + padding, behind: .ethernet))
        #expect(reply.kind == .answer(.synAck))
        #expect(reply.maximumSegmentSize == nil)
    }

    private static let strangers = [
        Framing("ARP", .ethernet, Fixture.ethernetAddresses + [0x08, 0x06]),
        Framing("IPv4 that calls itself IPv6", .ethernet, FixtureV6.ethernet),
        Framing("IPv6 that calls itself IPv4", .ethernet, Fixture.ethernet, FixtureV6.synAck),
        Framing("IPv4 that calls itself IPv6, cooked", .cooked, FixtureV6.cooked),
        Framing("a length instead of a type (802.3)", .ethernet, Fixture.ethernetAddresses + [0x00, 0x3C]),
        Framing("ARP in a VLAN", .ethernet, Fixture.ethernetAddresses + [0x81, 0x00, 0x00, 0x64, 0x08, 0x06]),
        Framing(
            "three VLAN tags", .ethernet,
            Fixture.ethernetAddresses + [0x88, 0xA8, 0, 10, 0x81, 0x00, 0, 100, 0x81, 0x00, 0, 101] + [0x08, 0x00]),
        Framing("a VLAN tag and nothing behind it", .ethernet, Fixture.ethernetAddresses + [0x81, 0x00, 0x00, 0x64]),
        Framing("ARP, cooked", .cooked, Fixture.cooked.replacing(at: 0, with: [0x08, 0x06])),
        Framing("a link header where there is none", .raw, Fixture.ethernet),
    ]

    @Test("what carries neither IPv4 nor IPv6, or not what it says, falls out", arguments: strangers)
    func strange(framing: Framing) {
        #expect(GuardedMemory().reply(framing.bytes + framing.answer, behind: framing.header) == nil)
    }
}
