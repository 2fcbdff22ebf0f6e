import PacketIO
import ScanCore
import TestSupport
import Testing

/// A quarter of a million cases for each test and family, each through every link header, out of memory whose end cannot be read past.
@Suite("Hostile packets")
struct ReplyFuzzTests {
    private static let cases = 250_000

    /// Packets of one family that pass, and what may stand before them.
    struct Family: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let headers: [[UInt8]]
        let valid: [[UInt8]]
        let addresses: ProbeAddresses
    }

    private static let families = [
        Family(
            testDescription: "IPv4",
            headers: [[], Fixture.ethernet, Fixture.vlan, Fixture.qinq, Fixture.cooked],
            valid: [
                Fixture.synAck, Fixture.reset, Fixture.tcpPacket(Fixture.Flags.rst, acknowledging: Fixture.cookie),
                Fixture.icmp(type: 3, code: 13), Fixture.icmp(type: 11, code: 0, quoting: Fixture.quotedProbe + Fixture.quotedRest),
                Fixture.addingIPOptions([UInt8](repeating: 1, count: 40), to: Fixture.synAck),
                Fixture.icmp(type: 3, code: 1, quoting: Fixture.addingIPOptions([UInt8](repeating: 1, count: 40), to: Fixture.quotedProbe)),
            ], addresses: Fixture.addresses),
        Family(
            testDescription: "IPv6",
            headers: [[], FixtureV6.ethernet, FixtureV6.vlan, FixtureV6.qinq, FixtureV6.cooked],
            valid: [
                FixtureV6.synAck, FixtureV6.reset, FixtureV6.tcpPacket(Fixture.Flags.rst, acknowledging: FixtureV6.cookie),
                FixtureV6.icmp(type: 1, code: 1), FixtureV6.icmp(type: 3, code: 0, behind: [.hopByHop]),
                FixtureV6.tcpPacket(
                    Fixture.Flags.syn | Fixture.Flags.ack, acknowledging: FixtureV6.cookie + 1, behind: FixtureV6.Extension.all),
                FixtureV6.icmp(type: 1, code: 4, quoting: FixtureV6.quotedProbe(behind: FixtureV6.Extension.all)),
            ], addresses: FixtureV6.addresses),
    ]

    /// A valid frame after a few accidents: bytes changed, cut off, doubled or added.
    private static func mutated(_ family: Family, _ generator: inout SeededGenerator) -> [UInt8] {
        var frame = family.headers[generator.below(family.headers.count)] + family.valid[generator.below(family.valid.count)]
        for _ in 0..<generator.next() % 5 {
            let random = generator.next()
            let place = Int(random >> 32) % max(1, frame.count)
            switch random % 8 {
            case 0: frame.removeLast(min(frame.count, Int(random >> 8 & 31)))
            case 1: frame.append(contentsOf: repeatElement(UInt8(truncatingIfNeeded: random >> 8), count: Int(random >> 16 & 31)))
            case 2: frame.insert(UInt8(truncatingIfNeeded: random >> 8), at: min(place, frame.count))
            default: if place < frame.count { frame[place] = UInt8(truncatingIfNeeded: random >> 8) }
            }
        }
        return frame
    }

    /// What random bytes look like at least.
    enum Disguise: CaseIterable {
        case none, ipv4, ipv6

        /// With TCP or ICMP; over IPv6 also with extension headers, which are short.
        func put(on frame: inout [UInt8], _ generator: inout SeededGenerator) {
            switch self {
            case .ipv4 where frame.count > 9:
                frame[0] = 0x40 | frame[0] & 0x0F
                // Hardly any random number is that of a first fragment.
                (frame[6], frame[7]) = (frame[6] & 0xE0, 0)
                frame[9] = frame[9] & 1 == 0 ? 6 : 1
            case .ipv6 where frame.count > 6:
                frame[0] = 0x60 | frame[0] & 0x0F
                (frame[4], frame[6]) = (0, Self.numbers[generator.below(Self.numbers.count)])
                for offset in stride(from: 40, to: frame.count - 4, by: 8) {
                    frame[offset] = Self.numbers[generator.below(Self.numbers.count)]
                    frame[offset + 1] &= 3
                    if offset & 8 == 0 { frame[offset + 2] = 0 }
                }
            default: break
            }
        }

        private static let numbers: [UInt8] = [0, 6, 43, 44, 51, 58, 60]
    }

    @Test("random bytes never crash the receiver and never pass for an answer", arguments: Disguise.allCases)
    func randomBytes(disguise: Disguise) {
        let memory = GuardedMemory()
        var generator = SeededGenerator(seed: 50)
        var replies = 0
        for _ in 0..<Self.cases {
            var frame = generator.bytes(generator.below(128))
            disguise.put(on: &frame, &generator)
            for header in LinkHeader.allCases {
                guard let reply = memory.reply(frame, behind: header) else { continue }
                replies += 1
                #expect(!reply.isVerified(by: Fixture.cookies), "\(header): \(frame)")
            }
        }
        // Without a disguise hardly anything gets as far as a cookie.
        #expect(disguise == .none || replies > Self.cases / 100)
    }

    @Test("damaged answers to another key never crash the receiver and never pass for an answer", arguments: families)
    func otherKey(family: Family) {
        let memory = GuardedMemory()
        var generator = SeededGenerator(seed: 52)
        let cookies = ProbeCookie(key: generator.key())
        for _ in 0..<Self.cases {
            let frame = Self.mutated(family, &generator)
            for header in LinkHeader.allCases {
                guard let reply = memory.reply(frame, behind: header) else { continue }
                #expect(!reply.isVerified(by: cookies), "\(header): \(frame)")
            }
        }
    }

    @Test("a damaged answer that is believed still speaks of the target that was probed", arguments: families)
    func ownKey(family: Family) {
        let memory = GuardedMemory()
        var generator = SeededGenerator(seed: 53)
        var believed = 0
        for _ in 0..<Self.cases {
            let frame = Self.mutated(family, &generator)
            for header in LinkHeader.allCases {
                guard let reply = memory.reply(frame, behind: header), reply.isVerified(by: Fixture.cookies) else { continue }
                believed += 1
                let isOurs =
                    reply.addresses == family.addresses && reply.targetPort == Fixture.targetPort
                    && reply.localPort == Fixture.localPort
                #expect(isOurs, "\(header): \(frame)")
            }
        }
        // The test would be empty if no packet got through.
        #expect(believed > Self.cases / 20)
    }
}
