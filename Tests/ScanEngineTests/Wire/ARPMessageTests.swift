import PacketIO
import ScanCore
import TestSupport
import Testing

@Suite("Who has an IPv4 address")
struct ARPMessageTests {
    private static let us: [UInt8] = [0x02, 0, 0x5E, 0x10, 0, 0x01]
    private static let them: [UInt8] = [0x02, 0, 0x5E, 0x10, 0, 0x02]
    private static let everybody = [UInt8](repeating: 0xFF, count: 6)

    private static func hardware(_ bytes: [UInt8]) throws -> HardwareAddress { try #require(HardwareAddress(bytes: bytes)) }

    /// 28 bytes of Ethernet and IPv4.
    private static func message(_ operation: UInt8, _ sender: [UInt8], _ address: [UInt8], _ target: [UInt8], _ targetAddress: [UInt8])
        -> [UInt8]
    {
        [0x00, 0x01, 0x08, 0x00]  // Ethernet, IPv4
            + [6, 4]  // lengths of their addresses
            + [0, operation] + sender + address + target + targetAddress
    }

    /// 192.0.2.7 answers 192.0.2.1.
    private static let answer = us + them + [0x08, 0x06] + message(2, them, [192, 0, 2, 7], us, [192, 0, 2, 1])

    private func parsed(_ frame: some Collection<UInt8>) -> ARPMessage? { GuardedMemory().with(frame) { ARPMessage(ethernet: $0) } }

    @Test("a question goes to everybody, from both of our addresses")
    func question() throws {
        let question = ARPMessage.request(for: 0xC000_0207, from: 0xC000_0201, try Self.hardware(Self.us))
        let expected =
            Self.everybody + Self.us + [0x08, 0x06]
            + Self.message(1, Self.us, [192, 0, 2, 1], [0, 0, 0, 0, 0, 0], [192, 0, 2, 7])
        #expect(question.frame == expected)
        #expect(parsed(expected) == question)
    }

    @Test("an answer tells whose the address is", arguments: [0, 4, 8])
    func answer(tags: Int) throws {
        let padding = [UInt8](repeating: 0xA5, count: 18)
        var frame = Self.answer + padding
        frame.insert(contentsOf: ([0x88, 0xA8, 0, 10, 0x81, 0, 0, 100] as [UInt8]).suffix(tags), at: 12)
        let message = try #require(parsed(frame))
        #expect(message.operation == .reply && message.sender == 0xC000_0207 && message.target == 0xC000_0201)
        #expect(message.senderHardware == (try Self.hardware(Self.them)))
        #expect(message.targetHardware == (try Self.hardware(Self.us)))
        #expect(message.frame == Self.answer)
    }

    @Test("who tells of its own address unasked is understood, in a request or in a reply", arguments: [1, 2] as [UInt8])
    func gratuitous(operation: UInt8) throws {
        let message = Self.message(operation, Self.them, [192, 0, 2, 7], Self.everybody, [192, 0, 2, 7])
        let heard = try #require(parsed(Self.everybody + Self.them + [0x08, 0x06] + message))
        #expect(heard.sender == 0xC000_0207 && heard.target == heard.sender)
        #expect(heard.senderHardware == (try Self.hardware(Self.them)))
    }

    @Test("who asks whether an address is free does not have it yet")
    func probe() throws {
        let message = Self.message(1, Self.them, [0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [192, 0, 2, 7])
        let heard = try #require(parsed(Self.everybody + Self.them + [0x08, 0x06] + message))
        #expect(heard.sender == 0)
        let empty = Self.message(1, Self.them, [0, 0, 0, 0], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0])
        #expect(parsed(Self.everybody + Self.them + [0x08, 0x06] + empty)?.sender == 0)
    }

    @Test(
        "anything else is no answer",
        arguments: [
            ("IPv4", 12, [0x08, 0x00]), ("another hardware", 14, [0, 6]), ("another protocol", 16, [0x86, 0xDD]),
            ("hardware addresses of eight bytes", 18, [8]), ("protocol addresses of 16 bytes", 19, [16]),
            ("a reverse request", 20, [0, 3]), ("operation 0", 20, [0, 0]), ("operation 258", 20, [1, 2]),
            ("the hardware address of everybody", 22, everybody), ("that of a multicast group", 22, [0x01, 0, 0x5E, 0, 0, 1]),
        ] as [(String, Int, [UInt8])])
    func strange(what: String, offset: Int, bytes: [UInt8]) {
        #expect(parsed(Self.answer) != nil)
        #expect(parsed(Self.answer.replacing(at: offset, with: bytes)) == nil)
    }

    @Test("a frame that is captured in part is never read past its end")
    func truncated() {
        for length in 0..<Self.answer.count { #expect(parsed(Self.answer.prefix(length)) == nil, "length \(length)") }
    }

    @Test("random bytes never crash it, and what is understood is written as it was read")
    func random() {
        let memory = GuardedMemory()
        var generator = SeededGenerator(seed: 70)
        var understood = 0
        for _ in 0..<100_000 {
            var frame = Self.answer
            for _ in 0..<4 { frame[generator.below(frame.count)] = UInt8(truncatingIfNeeded: generator.next()) }
            let part = frame.prefix(generator.below(frame.count * 2))
            guard let message = memory.with(part, { ARPMessage(ethernet: $0) }) else { continue }
            understood += 1
            // The addresses in front may be others.
            #expect(Array(message.frame[12...]) == Array(frame[12...]))
        }
        #expect(understood > 1000)
    }
}
