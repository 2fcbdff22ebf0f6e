import ScanEngine
import TestSupport
import Testing

/// Four threads' worth of a million cases, each through every link header, out of memory whose end cannot be read past.
@Suite("Hostile packets")
struct ReplyFuzzTests {
    private static let cases = 250_000

    private static let valid: [[UInt8]] = [
        Fixture.synAck, Fixture.reset, Fixture.tcpPacket(Fixture.Flags.rst, acknowledging: Fixture.cookie),
        Fixture.icmp(type: 3, code: 13), Fixture.icmp(type: 11, code: 0, quoting: Fixture.quotedProbe + Fixture.quotedRest),
        Fixture.addingIPOptions([UInt8](repeating: 1, count: 40), to: Fixture.synAck),
        Fixture.icmp(type: 3, code: 1, quoting: Fixture.addingIPOptions([UInt8](repeating: 1, count: 40), to: Fixture.quotedProbe)),
    ]

    private static let headers: [[UInt8]] = [
        [], Fixture.ethernet, Fixture.vlan, Fixture.qinq, Fixture.cooked, Fixture.null, Fixture.swappedNull,
    ]

    /// A valid frame after a few accidents: bytes changed, cut off, doubled or added.
    private static func mutated(_ generator: inout SeededGenerator) -> [UInt8] {
        var frame = headers[Int(generator.next() % 7)] + valid[Int(generator.next() % 7)]
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

    @Test("random bytes never crash the receiver and never pass for an answer", arguments: 0..<2)
    func randomBytes(part: UInt64) {
        let memory = GuardedMemory()
        var generator = SeededGenerator(seed: 50 + part)
        for _ in 0..<Self.cases {
            var frame = generator.bytes(Int(generator.next() % 128))
            // Every second one at least looks like IPv4 with TCP or ICMP.
            if part == 1, frame.count > 9 {
                frame[0] = 0x40 | frame[0] & 0x0F
                frame[9] = frame[9] & 1 == 0 ? 6 : 1
            }
            for header in LinkHeader.allCases {
                guard let reply = memory.reply(frame, behind: header) else { continue }
                #expect(!reply.isVerified(by: Fixture.cookies), "\(header): \(frame)")
            }
        }
    }

    @Test("damaged answers to another key never crash the receiver and never pass for an answer")
    func otherKey() {
        let memory = GuardedMemory()
        var generator = SeededGenerator(seed: 52)
        let cookies = ProbeCookie(key: generator.key())
        for _ in 0..<Self.cases {
            let frame = Self.mutated(&generator)
            for header in LinkHeader.allCases {
                guard let reply = memory.reply(frame, behind: header) else { continue }
                #expect(!reply.isVerified(by: cookies), "\(header): \(frame)")
            }
        }
    }

    @Test("a damaged answer that is believed still speaks of the target that was probed")
    func ownKey() {
        let memory = GuardedMemory()
        var generator = SeededGenerator(seed: 53)
        var believed = 0
        for _ in 0..<Self.cases {
            let frame = Self.mutated(&generator)
            for header in LinkHeader.allCases {
                guard let reply = memory.reply(frame, behind: header), reply.isVerified(by: Fixture.cookies) else { continue }
                believed += 1
                let isOurs =
                    reply.target == Fixture.target && reply.targetPort == Fixture.targetPort && reply.local == Fixture.local
                    && reply.localPort == Fixture.localPort
                #expect(isOurs, "\(header): \(frame)")
            }
        }
        // The test would be empty if no packet got through.
        #expect(believed > Self.cases / 20)
    }
}
