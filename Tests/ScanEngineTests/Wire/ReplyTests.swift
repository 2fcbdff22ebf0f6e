import PacketIO
import ScanCore
import ScanTargets
import TestSupport
import Testing

@Suite("What counts as a reply")
struct ReplyTests {
    private let memory = GuardedMemory()

    /// The reply as it must come out, whatever it says.
    private func expectProbe(_ reply: Reply, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(reply.addresses == Fixture.addresses, sourceLocation: sourceLocation)
        #expect(reply.targetPort == Fixture.targetPort && reply.localPort == Fixture.localPort, sourceLocation: sourceLocation)
    }

    @Test("the fixtures' cookie is that of their key")
    func cookie() {
        let message: [UInt8] =
            [1, 2, 0, 192] + [0x48, 0xEE] + [0, 0]  // source and its port, little-endian, a whole block
            + [7, 100, 51, 198] + [0x50, 0x00]  // the destination and its likewise
        #expect(UInt32(truncatingIfNeeded: SlowSipHash.hash(message, key: Array(0..<16))) == Fixture.cookie)
    }

    // MARK: TCP

    @Test("a SYN-ACK that acknowledges the cookie is open, with window, segment size and time to live")
    func open() throws {
        let reply = try #require(memory.reply(Fixture.synAck))
        #expect(reply.kind == .answer(.synAck))
        expectProbe(reply)
        #expect(reply.isVerified(by: Fixture.cookies))
        #expect(reply.timeToLive == 57)
        #expect(reply.window == 64_240)
        #expect(reply.maximumSegmentSize == 1400)
    }

    @Test("a RST-ACK is closed whether it acknowledges the SYN or forgets to count it", arguments: [Fixture.cookie, Fixture.cookie + 1])
    func closed(acknowledged: UInt32) throws {
        let packet = Fixture.tcpPacket(Fixture.Flags.rst | Fixture.Flags.ack, acknowledging: acknowledged)
        let reply = try #require(memory.reply(packet))
        #expect(reply.kind == .answer(.reset))
        expectProbe(reply)
        #expect(reply.isVerified(by: Fixture.cookies))
        #expect(reply.window == nil && reply.maximumSegmentSize == nil)
    }

    @Test("a RST without acknowledgment settles nothing, whatever its number says", arguments: [0, Fixture.cookie, Fixture.cookie + 1])
    func bareReset(acknowledged: UInt32) throws {
        let reply = try #require(memory.reply(Fixture.tcpPacket(Fixture.Flags.rst, acknowledging: acknowledged)))
        #expect(reply.kind == .bareReset)
    }

    @Test("a lone SYN and a lone ACK are signs that prove nothing, and a probe of ours to a port of ours is known")
    func signs() throws {
        let flags = [Fixture.Flags.syn, Fixture.Flags.syn | Fixture.Flags.ece, Fixture.Flags.ack]
        let replies = try flags.map { try #require(memory.reply(Fixture.tcpPacket($0, acknowledging: Fixture.cookie + 1))) }
        #expect(replies.map(\.kind) == [.loneSyn, .loneSyn, .challenge])
        #expect(replies.allSatisfy { !$0.isOwnProbe(by: Fixture.cookies) && $0.isFromTarget })
        // Seen from its target, our own probe is a SYN of which the number is the cookie.
        guard case .v4(let target, let local) = Fixture.addresses else { return }
        let probe = (Fixture.localPort.bytes + Fixture.targetPort.bytes + Fixture.cookie.bytes)
        let own = Fixture.tcpPacket(Fixture.Flags.syn, acknowledging: 0)
            .replacing(at: 12, with: local.bytes).replacing(at: 16, with: target.bytes).replacing(at: 20, with: probe)
        let seen = try #require(memory.reply(own))
        #expect(seen.kind == .loneSyn && seen.isOwnProbe(by: Fixture.cookies) && seen.localPort == Fixture.targetPort)
    }

    @Test(
        "a SYN-ACK with any other number is not believed",
        arguments: [0, 1, Fixture.cookie, Fixture.cookie + 2, Fixture.cookie.byteSwapped, ~Fixture.cookie, .max])
    func wrongSynAck(acknowledged: UInt32) throws {
        let packet = Fixture.tcpPacket(Fixture.Flags.syn | Fixture.Flags.ack, acknowledging: acknowledged)
        #expect(try #require(memory.reply(packet)).isVerified(by: Fixture.cookies) == false)
    }

    @Test(
        "a RST-ACK with any other number is not believed", arguments: [0, 1, Fixture.cookie - 1, Fixture.cookie + 2, ~Fixture.cookie, .max])
    func wrongReset(acknowledged: UInt32) throws {
        let packet = Fixture.tcpPacket(Fixture.Flags.rst | Fixture.Flags.ack, acknowledging: acknowledged)
        #expect(try #require(memory.reply(packet)).isVerified(by: Fixture.cookies) == false)
    }

    @Test(
        "an answer from another address or port, or to one, is not believed",
        arguments: [
            ("another target", 12, [198, 51, 100, 8]),
            ("another address of ours", 16, [192, 0, 2, 2]),
            ("another port of the target", 20, [0, 81]),
            ("another attempt's port of ours", 22, [0xEE, 0x49]),
        ] as [(String, Int, [UInt8])])
    func forged(what: String, offset: Int, bytes: [UInt8]) throws {
        for packet in [Fixture.synAck, Fixture.reset] {
            #expect(try #require(memory.reply(packet.replacing(at: offset, with: bytes))).isVerified(by: Fixture.cookies) == false)
        }
    }

    @Test("an answer to another job's key is not believed")
    func otherKey() throws {
        var generator = SeededGenerator(seed: 40)
        let cookies = ProbeCookie(key: generator.key())
        for packet in [Fixture.synAck, Fixture.reset, Fixture.icmp(type: 3, code: 1)] {
            #expect(try #require(memory.reply(packet)).isVerified(by: cookies) == false)
        }
    }

    @Test(
        "other TCP traffic is no reply",
        arguments: [
            ("nothing", 0), ("SYN-FIN", Fixture.Flags.syn | Fixture.Flags.fin), ("FIN", Fixture.Flags.fin),
            ("FIN-ACK", Fixture.Flags.fin | Fixture.Flags.ack), ("PSH-ACK", Fixture.Flags.psh | Fixture.Flags.ack),
            ("SYN-RST", Fixture.Flags.syn | Fixture.Flags.rst),
            ("SYN-RST-ACK", Fixture.Flags.syn | Fixture.Flags.rst | Fixture.Flags.ack),
        ] as [(String, UInt8)])
    func otherFlags(name: String, flags: UInt8) {
        #expect(memory.reply(Fixture.tcpPacket(flags, acknowledging: Fixture.cookie + 1)) == nil)
    }

    @Test("a stack that speaks ECN answers all the same")
    func congestionNotification() throws {
        let flags = Fixture.Flags.syn | Fixture.Flags.ack | Fixture.Flags.ece
        #expect(try #require(memory.reply(Fixture.tcpPacket(flags, acknowledging: Fixture.cookie + 1))).kind == .answer(.synAck))
    }

    @Test(
        "damaged or unusual TCP options cost the segment size, never the answer",
        arguments: [
            ("segment size after no-operations", [1, 1, 1, 1, 2, 4, 0x05, 0xB4], 1460),
            ("segment size after an unknown option", [254, 4, 0, 0, 2, 4, 0xFF, 0xFF], 65_535),
            ("end of options before it", [0, 0, 0, 0, 2, 4, 0x05, 0xB4], nil),
            ("length zero", [2, 0, 0x05, 0xB4], nil),
            ("length one", [2, 1, 0x05, 0xB4], nil),
            ("segment size of three bytes", [2, 3, 0x05, 1], nil),
            ("longer than the header", [2, 40, 0x05, 0xB4], nil),
            ("an option cut off", [1, 1, 1, 2], nil),
            ("none", [], nil),
        ] as [(String, [UInt8], UInt16?)])
    func options(what: String, options: [UInt8], size: UInt16?) throws {
        let packet = Fixture.tcpPacket(Fixture.Flags.syn | Fixture.Flags.ack, acknowledging: Fixture.cookie + 1, options: options)
        let reply = try #require(memory.reply(packet))
        #expect(reply.isVerified(by: Fixture.cookies))
        #expect(reply.maximumSegmentSize == size)
    }

    @Test("a TCP header length that lies is harmless", arguments: 0..<16 as Range<UInt8>)
    func dataOffset(words: UInt8) throws {
        let packet = Fixture.synAck.replacing(at: 32, with: [words << 4])
        #expect(try #require(memory.reply(packet)).isVerified(by: Fixture.cookies))
    }

    // MARK: IP

    @Test("IP options before the answer are stepped over", arguments: [1, 5, 10])
    func ipOptions(words: Int) throws {
        let options = [UInt8](repeating: 1, count: words * 4)
        for packet in [Fixture.synAck, Fixture.icmp(type: 3, code: 13)] {
            let reply = try #require(memory.reply(Fixture.addingIPOptions(options, to: packet)))
            expectProbe(reply)
            #expect(reply.isVerified(by: Fixture.cookies))
        }
    }

    @Test(
        "a header that is not a whole IPv4 header gives no reply",
        arguments: [
            ("version 6", 0, [0x65]), ("version 0", 0, [0x05]), ("header of 4 words", 0, [0x44]), ("header of 0 words", 0, [0x40]),
            ("total length 0", 2, [0, 0]), ("total length shorter than both headers", 2, [0, 39]),
            ("total length shorter than the IP header", 2, [0, 19]),
            ("UDP", 9, [17]), ("protocol 0", 9, [0]), ("SCTP", 9, [132]),
        ] as [(String, Int, [UInt8])])
    func badHeader(what: String, offset: Int, bytes: [UInt8]) {
        #expect(memory.reply(Fixture.synAck.replacing(at: offset, with: bytes)) == nil)
    }

    @Test("a header length beyond the capture gives no reply")
    func headerBeyondCapture() {
        #expect(memory.reply(Fixture.reset.replacing(at: 0, with: [0x4F])) == nil)
    }

    @Test(
        "only the first fragment of a packet can be a reply",
        arguments: [(0x2000, true), (0x2001, false), (0x0001, false), (0x1FFF, false)] as [(UInt16, Bool)])
    func fragments(field: UInt16, isReply: Bool) {
        for packet in [Fixture.synAck, Fixture.reset, Fixture.icmp(type: 3, code: 1)] {
            #expect((memory.reply(packet.replacing(at: 6, with: field.bytes)) != nil) == isReply)
        }
    }

    // MARK: ICMP

    @Test(
        "an ICMP error that quotes eight bytes of the probe is filtered, for nmap's reason",
        arguments: [
            (3, 0, "net-unreach"), (3, 1, "host-unreach"), (3, 2, "proto-unreach"), (3, 3, "port-unreach"),
            (3, 5, "dest-unreach"), (3, 6, "dest-unreach"), (3, 7, "dest-unreach"), (3, 8, "dest-unreach"),
            (3, 9, "net-prohibited"), (3, 10, "host-prohibited"), (3, 11, "dest-unreach"), (3, 12, "dest-unreach"),
            (3, 13, "admin-prohibited"), (3, 14, "dest-unreach"), (3, 15, "dest-unreach"), (3, 16, "dest-unreach"),
            (3, 255, "dest-unreach"), (11, 0, "time-exceeded"), (11, 1, "time-exceeded"),
        ] as [(UInt8, UInt8, String)])
    func icmpError(type: UInt8, code: UInt8, words: String) throws {
        for quote in [Fixture.quotedProbe, Fixture.quotedProbe + Fixture.quotedRest] {
            let reply = try #require(memory.reply(Fixture.icmp(type: type, code: code, quoting: quote)))
            guard case .answer(let reason) = reply.kind else {
                Issue.record("no answer")
                return
            }
            #expect(reason.words == words)
            #expect(reason.state == .filtered)
            expectProbe(reply)
            #expect(reply.isVerified(by: Fixture.cookies))
            #expect(reply.timeToLive == 251)
            #expect(reply.window == nil && reply.maximumSegmentSize == nil)
        }
    }

    @Test(
        "an ICMP message that says nothing of the target is no reply",
        arguments: [
            ("fragmentation needed", 3, 4), ("echo reply", 0, 0), ("source quench", 4, 0), ("redirect", 5, 1), ("echo", 8, 0),
            ("parameter problem", 12, 0), ("type 255", 255, 0),
        ] as [(String, UInt8, UInt8)])
    func otherMessages(what: String, type: UInt8, code: UInt8) {
        #expect(memory.reply(Fixture.icmp(type: type, code: code)) == nil)
    }

    @Test("a quote that is cut anywhere before the cookie's end gives no reply")
    func shortQuote() throws {
        for length in 0..<Fixture.quotedProbe.count {
            let packet = Fixture.icmp(type: 3, code: 1, quoting: Array(Fixture.quotedProbe.prefix(length)))
            #expect(memory.reply(packet) == nil, "\(length) bytes quoted")
        }
    }

    @Test("an ICMP error that is captured in part is never read past its end")
    func truncatedError() {
        let packet = Fixture.icmp(type: 11, code: 0, quoting: Fixture.quotedProbe + Fixture.quotedRest)
        for length in 0..<packet.count {
            #expect((memory.reply(packet.prefix(length)) != nil) == (length >= 56), "length \(length)")
        }
    }

    @Test("options in the quoted header are stepped over")
    func quotedOptions() throws {
        let quote = Fixture.addingIPOptions([UInt8](repeating: 1, count: 40), to: Fixture.quotedProbe)
        let reply = try #require(memory.reply(Fixture.icmp(type: 3, code: 1, quoting: quote)))
        expectProbe(reply)
        #expect(reply.isVerified(by: Fixture.cookies))
    }

    @Test("the total length in a quote is not relied on: some stacks write nonsense there", arguments: [0, 1, 20, 0xFFFF] as [UInt16])
    func quotedLength(length: UInt16) throws {
        let quote = Fixture.quotedProbe.replacing(at: 2, with: length.bytes)
        #expect(try #require(memory.reply(Fixture.icmp(type: 3, code: 1, quoting: quote))).isVerified(by: Fixture.cookies))
    }

    @Test(
        "an ICMP error about something else is no reply",
        arguments: [
            ("UDP", 9, [17]), ("a later fragment", 6, [0x00, 0x10]), ("IPv6", 0, [0x65]), ("a header of 4 words", 0, [0x44]),
        ] as [(String, Int, [UInt8])])
    func otherQuote(what: String, offset: Int, bytes: [UInt8]) {
        #expect(memory.reply(Fixture.icmp(type: 3, code: 1, quoting: Fixture.quotedProbe.replacing(at: offset, with: bytes))) == nil)
    }

    @Test(
        "an ICMP error with a forged quote is not believed",
        arguments: [
            ("the number after the cookie", 24, (Fixture.cookie + 1).bytes), ("no cookie", 24, [0, 0, 0, 0]),
            ("another target", 16, [198, 51, 100, 8]), ("another source", 12, [192, 0, 2, 9]),
            ("another port", 22, [0, 81]), ("another port of ours", 20, [0xEE, 0x49]),
        ] as [(String, Int, [UInt8])])
    func forgedQuote(what: String, offset: Int, bytes: [UInt8]) throws {
        let packet = Fixture.icmp(type: 3, code: 13, quoting: Fixture.quotedProbe.replacing(at: offset, with: bytes))
        #expect(try #require(memory.reply(packet)).isVerified(by: Fixture.cookies) == false)
    }
}
