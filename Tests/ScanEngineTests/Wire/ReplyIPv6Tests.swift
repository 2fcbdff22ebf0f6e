import PacketIO
import ScanCore
import ScanTargets
import TestSupport
import Testing

@Suite("What counts as a reply over IPv6")
struct ReplyIPv6Tests {
    private typealias Extension = FixtureV6.Extension
    private typealias Flags = Fixture.Flags

    private let memory = GuardedMemory()

    /// The reply as it must come out, whatever it says.
    private func expectProbe(_ reply: Reply, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(reply.addresses == FixtureV6.addresses, sourceLocation: sourceLocation)
        #expect(reply.targetPort == Fixture.targetPort && reply.localPort == Fixture.localPort, sourceLocation: sourceLocation)
        #expect(reply.isVerified(by: Fixture.cookies), sourceLocation: sourceLocation)
    }

    @Test("the fixtures' cookie is that of their key")
    func cookie() {
        let message =
            FixtureV6.local.bytes.reversed() + [0x48, 0xEE] + [0, 0, 0, 0, 0, 0]  // source and its port, little-endian, whole blocks
            + FixtureV6.target.bytes.reversed() + [0x50, 0x00]  // the destination and its likewise
        #expect(UInt32(truncatingIfNeeded: SlowSipHash.hash(message, key: Array(0..<16))) == FixtureV6.cookie)
    }

    @Test("addresses come out as the rest of the program writes them")
    func addresses() {
        #expect(FixtureV6.addresses.target == IPAddress("2001:db8:1::7") && FixtureV6.addresses.local == IPAddress("2001:db8::1"))
        #expect(Fixture.addresses.target == IPAddress("198.51.100.7") && Fixture.addresses.local == IPAddress("192.0.2.1"))
    }

    // MARK: TCP

    @Test("a SYN-ACK that acknowledges the cookie is open, with window, segment size and hop limit")
    func open() throws {
        let reply = try #require(memory.reply(FixtureV6.synAck))
        #expect(reply.kind == .answer(.synAck))
        expectProbe(reply)
        #expect(reply.timeToLive == 57 && reply.isFromTarget)
        #expect(reply.window == 64_240)
        #expect(reply.maximumSegmentSize == 1400)
    }

    @Test(
        "a RST-ACK is closed whether it acknowledges the SYN or forgets to count it", arguments: [FixtureV6.cookie, FixtureV6.cookie + 1])
    func closed(acknowledged: UInt32) throws {
        let reply = try #require(memory.reply(FixtureV6.tcpPacket(Flags.rst | Flags.ack, acknowledging: acknowledged)))
        #expect(reply.kind == .answer(.reset))
        expectProbe(reply)
    }

    @Test("a RST without acknowledgment settles nothing")
    func bareReset() throws {
        #expect(try #require(memory.reply(FixtureV6.tcpPacket(Flags.rst, acknowledging: 0))).kind == .bareReset)
    }

    @Test("other TCP traffic is no reply", arguments: [0, Flags.syn | Flags.fin, Flags.fin | Flags.ack, Flags.syn | Flags.rst])
    func otherFlags(flags: UInt8) {
        #expect(memory.reply(FixtureV6.tcpPacket(flags, acknowledging: FixtureV6.cookie + 1)) == nil)
    }

    @Test(
        "an answer with any other number is not believed", arguments: [0, FixtureV6.cookie + 2, Fixture.cookie, Fixture.cookie + 1, .max])
    func wrongNumber(acknowledged: UInt32) throws {
        for flags in [Flags.syn | Flags.ack, Flags.rst | Flags.ack] {
            let packet = FixtureV6.tcpPacket(flags, acknowledging: acknowledged)
            #expect(try #require(memory.reply(packet)).isVerified(by: Fixture.cookies) == false)
        }
    }

    @Test("an answer from another address or port, or to one, is not believed, whichever bit differs", arguments: 64..<352)
    func forged(bit: Int) throws {
        // From the first bit of the source address to the last of the ports.
        for packet in [FixtureV6.synAck, FixtureV6.reset] {
            let forged = packet.replacing(at: bit / 8, with: [packet[bit / 8] ^ 1 << UInt8(bit % 8)])
            #expect(try #require(memory.reply(forged)).isVerified(by: Fixture.cookies) == false)
        }
    }

    // MARK: IPv6

    @Test(
        "extension headers before the answer are stepped over",
        arguments: [
            [Extension.hopByHop], [.destinationOptions], [.routing], [.authentication], [.atomicFragment], [.firstFragment], Extension.all,
            [Extension](repeating: .destinationOptions, count: 12),
        ])
    func extensions(headers: [FixtureV6.Extension]) throws {
        let answer = FixtureV6.tcpPacket(
            Flags.syn | Flags.ack, acknowledging: FixtureV6.cookie + 1, options: Fixture.linuxOptions, behind: headers)
        for packet in [answer, FixtureV6.icmp(type: 1, code: 1, behind: headers)] {
            expectProbe(try #require(memory.reply(packet)))
        }
        #expect(try #require(memory.reply(answer)).maximumSegmentSize == 1400)
    }

    @Test("the extension headers of the quoted packet are stepped over, too", arguments: [[Extension.hopByHop], Extension.all])
    func quotedExtensions(headers: [FixtureV6.Extension]) throws {
        expectProbe(try #require(memory.reply(FixtureV6.icmp(type: 1, code: 3, quoting: FixtureV6.quotedProbe(behind: headers)))))
    }

    @Test(
        "what hides the transport header gives no reply",
        arguments: [
            ("a later fragment", [Extension.laterFragment]), ("the last fragment", [.lastFragment]),
            ("a later fragment behind others", [.hopByHop, .lastFragment]),
            ("thirteen headers", [Extension](repeating: .destinationOptions, count: 13)),
            ("encryption", [Extension(number: 50, bytes: [UInt8](repeating: 0, count: 8))]),
            ("no next header", [Extension(number: 59, bytes: [UInt8](repeating: 0, count: 8))]),
            ("options longer than the packet", [Extension(number: 60, bytes: [0, 200] + [UInt8](repeating: 0, count: 6))]),
            ("authentication longer than the packet", [Extension(number: 51, bytes: [0, 200] + [UInt8](repeating: 0, count: 6))]),
        ] as [(String, [FixtureV6.Extension])])
    func hidden(what: String, headers: [FixtureV6.Extension]) {
        #expect(memory.reply(FixtureV6.tcpPacket(Flags.syn | Flags.ack, acknowledging: FixtureV6.cookie + 1, behind: headers)) == nil)
        #expect(memory.reply(FixtureV6.icmp(type: 1, code: 3, behind: headers)) == nil)
        #expect(memory.reply(FixtureV6.icmp(type: 1, code: 3, quoting: FixtureV6.quotedProbe(behind: headers))) == nil)
    }

    @Test(
        "a header that is not a whole IPv6 header gives no reply",
        arguments: [
            ("version 4", 0, [0x45]), ("version 0", 0, [0x00]), ("payload length 0", 4, [0, 0]),
            ("payload length shorter than the TCP header", 4, [0, 19]), ("UDP", 6, [17]), ("ICMP of IPv4", 6, [1]), ("SCTP", 6, [132]),
        ] as [(String, Int, [UInt8])])
    func badHeader(what: String, offset: Int, bytes: [UInt8]) {
        let packet = FixtureV6.synAck.replacing(at: offset, with: bytes)
        #expect(memory.with(packet) { Reply(ipv6: $0) } == nil)
        #expect(memory.reply(packet) == nil)
    }

    @Test("what follows the packet is not taken for TCP options")
    func padding() throws {
        let claimsOptions = FixtureV6.tcpPacket(Flags.syn | Flags.ack, acknowledging: FixtureV6.cookie + 1)
            .replacing(at: 52, with: [0x60])  // a header of 6 words in a packet that has room for 5
        let reply = try #require(memory.reply(claimsOptions + [2, 4, 0x12, 0x34]))
        #expect(reply.kind == .answer(.synAck) && reply.maximumSegmentSize == nil)
    }

    @Test("an answer that is captured in part is never read past its end", arguments: [[], Extension.all])
    func truncated(headers: [FixtureV6.Extension]) {
        let chain = headers.reduce(0) { $0 + $1.bytes.count }
        let answer = FixtureV6.tcpPacket(
            Flags.syn | Flags.ack, acknowledging: FixtureV6.cookie + 1, options: Fixture.linuxOptions, behind: headers)
        for length in 0..<answer.count {
            #expect((memory.reply(answer.prefix(length)) != nil) == (length >= 60 + chain), "length \(length)")
        }
        let error = FixtureV6.icmp(type: 1, code: 0, quoting: FixtureV6.quotedProbe(behind: headers), behind: headers)
        for length in 0..<error.count {
            #expect(memory.reply(error.prefix(length)) == nil, "length \(length)")
        }
        expectReply(error)
    }

    private func expectReply(_ packet: [UInt8]) {
        #expect(memory.reply(packet)?.isVerified(by: Fixture.cookies) == true)
    }

    // MARK: ICMPv6

    @Test(
        "an ICMPv6 error that quotes the probe is filtered, for nmap's reason",
        arguments: [
            (1, 0, "no-route"), (1, 1, "admin-prohibited"), (1, 2, "beyond-scope"), (1, 3, "host-unreach"), (1, 4, "port-unreach"),
            (1, 5, "admin-prohibited"), (1, 6, "reject-route"), (1, 7, "dest-unreach"), (1, 255, "dest-unreach"),
            (3, 0, "time-exceeded"), (3, 1, "time-exceeded"), (4, 1, "param-problem"),
        ] as [(UInt8, UInt8, String)])
    func icmpError(type: UInt8, code: UInt8, words: String) throws {
        let reply = try #require(memory.reply(FixtureV6.icmp(type: type, code: code)))
        guard case .answer(let reason) = reply.kind else {
            Issue.record("no answer")
            return
        }
        #expect(reason.words == words && reason.state == .filtered)
        expectProbe(reply)
        #expect(reply.timeToLive == 251 && !reply.isFromTarget)
        #expect(reply.window == nil && reply.maximumSegmentSize == nil)
    }

    @Test("an error that the target itself sends is known from a router's")
    func errorOfTarget() throws {
        #expect(try #require(memory.reply(FixtureV6.icmp(type: 1, code: 4, from: FixtureV6.target))).isFromTarget)
    }

    @Test(
        "an ICMPv6 message that says nothing of the target is no reply",
        arguments: [
            ("packet too big", 2, 0), ("a bad header field", 4, 0), ("an unknown option", 4, 2), ("echo", 128, 0), ("echo reply", 129, 0),
            ("listener report", 143, 0), ("neighbour advertisement", 136, 0), ("unreachable of IPv4", 11, 0), ("type 0", 0, 0),
            ("type 255", 255, 0),
        ] as [(String, UInt8, UInt8)])
    func otherMessages(what: String, type: UInt8, code: UInt8) {
        #expect(memory.reply(FixtureV6.icmp(type: type, code: code)) == nil)
    }

    @Test("the payload length in a quote is not relied on", arguments: [0, 1, 0xFFFF] as [UInt16])
    func quotedLength(length: UInt16) throws {
        let quote = FixtureV6.quotedProbe().replacing(at: 4, with: length.bytes)
        expectProbe(try #require(memory.reply(FixtureV6.icmp(type: 1, code: 1, quoting: quote))))
    }

    @Test(
        "an ICMPv6 error about something else is no reply", arguments: [("UDP", 6, [17]), ("IPv4", 0, [0x45])] as [(String, Int, [UInt8])])
    func otherQuote(what: String, offset: Int, bytes: [UInt8]) {
        #expect(memory.reply(FixtureV6.icmp(type: 1, code: 1, quoting: FixtureV6.quotedProbe().replacing(at: offset, with: bytes))) == nil)
    }

    @Test("an ICMPv6 error with a forged quote is not believed, whichever bit of addresses, ports and cookie differs", arguments: 64..<384)
    func forgedQuote(bit: Int) throws {
        let quote = FixtureV6.quotedProbe()
        let forged = quote.replacing(at: bit / 8, with: [quote[bit / 8] ^ 1 << UInt8(bit % 8)])
        #expect(try #require(memory.reply(FixtureV6.icmp(type: 1, code: 1, quoting: forged))).isVerified(by: Fixture.cookies) == false)
    }
}
