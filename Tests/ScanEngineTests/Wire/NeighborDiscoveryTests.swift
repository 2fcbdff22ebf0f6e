import PacketIO
import ScanCore
import TestSupport
import Testing

@Suite("Who has an IPv6 address")
struct NeighborDiscoveryTests {
    private static let us: [UInt8] = [0x02, 0, 0x5E, 0x10, 0, 0x01]
    private static let them: [UInt8] = [0x02, 0, 0x5E, 0x10, 0, 0x02]
    private static let source: UInt128 = 0xFE80_0000_0000_0000_0000_5EFF_FE10_0001
    private static let target: UInt128 = 0x2001_0DB8_0001_0000_0000_0000_AB12_3456
    /// ff02::1:ff12:3456
    private static let group: UInt128 = 0xFF02_0000_0000_0000_0000_0001_FF12_3456
    private static let addressOption = [2, 1] + them  // target link-layer address, one word of eight bytes

    private static func hardware(_ bytes: [UInt8]) throws -> HardwareAddress { try #require(HardwareAddress(bytes: bytes)) }

    /// A packet with its right checksum from `from` to `to`.
    private static func packet(
        _ message: [UInt8], from: UInt128 = target, to: UInt128 = source, hopLimit: UInt8 = 255,
        behind extensions: [FixtureV6.Extension] = []
    ) -> [UInt8] {
        let plain =
            [0x60, 0, 0, 0] + UInt16(message.count).bytes + [58, hopLimit] + from.bytes + to.bytes
            + message.replacing(at: 2, with: [0, 0])
        let right = message.replacing(at: 2, with: SlowChecksum.ofIPv6Payload(plain).bytes)
        let (first, chain) = FixtureV6.Extension.chain(extensions, 58)
        return [0x60, 0, 0, 0] + UInt16(chain.count + right.count).bytes + [first, hopLimit] + from.bytes + to.bytes + chain + right
    }

    private static func advertisement(flags: UInt8 = 0x60, target: UInt128 = target, options: [UInt8] = addressOption) -> [UInt8] {
        [136, 0, 0, 0]  // type, code, checksum
            + [flags, 0, 0, 0] + target.bytes + options
    }

    private func parsed(_ packet: some Collection<UInt8>) -> NeighborAdvertisement? {
        GuardedMemory().with(packet) { NeighborAdvertisement(ipv6: $0) }
    }

    // MARK: Asking

    @Test("a question goes to the target's group alone, with our hardware address and the hop limit that proves it local")
    func question() throws {
        let question = NeighborSolicitation(for: Self.target, from: Self.source, try Self.hardware(Self.us))
        let message =
            [135, 0, 0, 0] + [0, 0, 0, 0] + Self.target.bytes  // type, code, checksum; reserved
            + [1, 1] + Self.us  // source link-layer address, one word of eight bytes
        let expected =
            [0x33, 0x33, 0xFF, 0x12, 0x34, 0x56]  // the group on Ethernet
            + Self.us + [0x86, 0xDD]
            + Self.packet(message, from: Self.source, to: Self.group)
        #expect(question.frame == expected)
    }

    @Test("the checksum is right for random addresses")
    func checksum() throws {
        var generator = SeededGenerator(seed: 71)
        for _ in 0..<2000 {
            let (target, source) = (UInt128(networkBytes: generator.bytes(16)), UInt128(networkBytes: generator.bytes(16)))
            let frame = NeighborSolicitation(for: target, from: source, try Self.hardware(generator.bytes(6))).frame
            try #require(SlowChecksum.ofIPv6Payload(Array(frame.dropFirst(14))) == 0)
        }
    }

    // MARK: Hearing

    @Test("an answer tells whose the address is", arguments: 0..<8 as Range<UInt8>)
    func answer(flags: UInt8) throws {
        let heard = try #require(parsed(Self.packet(Self.advertisement(flags: flags << 5))))
        #expect(heard.target == Self.target)
        #expect(heard.hardware == (try Self.hardware(Self.them)))
        #expect(heard.isRouter == (flags & 4 != 0) && heard.isSolicited == (flags & 2 != 0) && heard.overrides == (flags & 1 != 0))
    }

    @Test("who tells of its address unasked tells all hosts")
    func unsolicited() throws {
        let allNodes: UInt128 = 0xFF02_0000_0000_0000_0000_0000_0000_0001
        let heard = try #require(parsed(Self.packet(Self.advertisement(flags: 0x20), to: allNodes)))
        #expect(!heard.isSolicited && heard.overrides)
        #expect(parsed(Self.packet(Self.advertisement(flags: 0x60), to: allNodes)) == nil, "an answer goes to whoever asked")
    }

    @Test(
        "options that are unknown or missing do not hurt",
        arguments: [
            ("none", [], false), ("an unknown one before it", [14, 2] + [UInt8](repeating: 0, count: 14) + addressOption, true),
            ("an unknown one after it", addressOption + [14, 1, 0, 0, 0, 0, 0, 0], true),
            ("the sender's address instead", [1, 1] + them, false),
            ("an address of another kind of link", [2, 2] + them + [UInt8](repeating: 0, count: 8), false),
            ("a second address", addressOption + [2, 1] + us, true),
        ] as [(String, [UInt8], Bool)])
    func options(what: String, options: [UInt8], hasAddress: Bool) throws {
        let heard = try #require(parsed(Self.packet(Self.advertisement(options: options))))
        let them = try Self.hardware(Self.them)
        #expect(heard.hardware == (hasAddress ? them : nil))
    }

    @Test(
        "what RFC 4861 says is to be ignored is ignored",
        arguments: [
            ("passed on by a router", packet(advertisement(), hopLimit: 254)), ("hop limit 0", packet(advertisement(), hopLimit: 0)),
            ("a solicitation", packet([135] + advertisement().dropFirst())), ("an echo reply", packet([129] + advertisement().dropFirst())),
            ("code 1", packet([136, 1] + advertisement().dropFirst(2))),
            ("a multicast target", packet(advertisement(target: group))),
            ("an option without length", packet(advertisement(options: [2, 0] + them))),
            ("an option that is cut short", packet(advertisement(options: [2, 2] + them))),
            ("half an option", packet(advertisement(options: addressOption + [14]))),
            ("the hardware address of a group", packet(advertisement(options: [2, 1, 0x33, 0x33, 0, 0, 0, 1]))),
            ("too short", packet(Array(advertisement(options: []).dropLast()))),
            ("a fragment (RFC 6980)", packet(advertisement(), behind: [.atomicFragment])),
            ("TCP", packet(advertisement()).replacing(at: 6, with: [6])), ("IPv4", packet(advertisement()).replacing(at: 0, with: [0x45])),
        ] as [(String, [UInt8])])
    func ignored(what: String, packet: [UInt8]) {
        #expect(parsed(packet) == nil)
    }

    @Test("a packet in which any bit of addresses or message was turned is not believed", arguments: 64..<576)
    func damaged(bit: Int) {
        let packet = Self.packet(Self.advertisement())
        #expect(packet.count * 8 == 576 && parsed(packet) != nil)
        #expect(parsed(packet.replacing(at: bit / 8, with: [packet[bit / 8] ^ 1 << UInt8(bit % 8)])) == nil)
    }

    @Test("a packet that is captured in part is never read past its end, and not believed")
    func truncated() {
        let packet = Self.packet(Self.advertisement())
        for length in 0..<packet.count { #expect(parsed(packet.prefix(length)) == nil, "length \(length)") }
    }

    @Test("random messages with the right checksum never crash it")
    func random() {
        let memory = GuardedMemory()
        var generator = SeededGenerator(seed: 72)
        var understood = 0
        for _ in 0..<50_000 {
            var message = Self.advertisement(options: generator.bytes(generator.below(40)))
            for offset in stride(from: 25, to: message.count, by: 8) where generator.below(4) > 0 { message[offset] = 1 }
            let packet = Self.packet(message)
            guard let heard = memory.with(packet, { NeighborAdvertisement(ipv6: $0) }) else { continue }
            understood += 1
            #expect(heard.target == Self.target)
        }
        #expect(understood > 1000)
    }
}
