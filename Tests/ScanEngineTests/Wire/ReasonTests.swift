import PacketIO
import ScanCore
import ScanTargets
import Testing

@Suite("Reasons")
struct ReasonTests {
    /// The reasons that nmap 7.93 can print.
    private static let nmap: Set<String> = [
        "reset", "conn-refused", "syn-ack", "split-handshake-syn", "udp-response", "proto-response", "perm-denied",
        "net-unreach", "host-unreach", "proto-unreach", "port-unreach", "echo-reply", "dest-unreach", "source-quench", "net-prohibited",
        "host-prohibited", "admin-prohibited", "time-exceeded", "timestamp-reply", "addressmask-reply", "no-ipid-change", "ipid-change",
        "arp-response", "nd-response", "tcp-response", "no-response", "init-ack", "abort", "localhost-response", "script-set",
        "unknown-response", "user-set", "no-route", "beyond-scope", "reject-route", "param-problem",
    ]

    /// nmap says no-response of hosts that are down, too.
    private static let ours: Set<String> = ["no-arp-response", "no-nd-response"]

    /// nmap has no word for a target that was not asked: it stops where a packet is refused or a way is missing.
    private static let ofUntested: Set<String> = [
        "send-refused", "gateway-silent", "policy", "excluded", "answers-everything", "deadline", "cancelled", "failed", "gave-up",
    ]

    @Test("every reason is one of nmap's words, so that reports can be compared", arguments: Reason.allCases)
    func vocabulary(reason: Reason) {
        #expect(Self.nmap.union(Self.ours).union(Self.ofUntested).contains(reason.words), "\(reason.words)")
        #expect(Self.ofUntested.contains(reason.words) == (reason.state == .untested))
    }

    @Test("ICMPv6 errors have nmap's words, too; what is no error says nothing")
    func icmpv6() {
        let words = (0...8 as ClosedRange<UInt8>).map { Reason(icmpv6Type: 1, code: $0)?.words }
        #expect(
            words == [
                "no-route", "admin-prohibited", "beyond-scope", "host-unreach", "port-unreach", "admin-prohibited", "reject-route",
                "dest-unreach", "dest-unreach",
            ])
        #expect([0, 1].map { Reason(icmpv6Type: 3, code: $0) } == [.timeExceeded, .timeExceeded])
        #expect((0...3).map { Reason(icmpv6Type: 4, code: $0) } == [nil, .parameterProblem, nil, nil])
        #expect([0, 2, 5, 128, 135].allSatisfy { Reason(icmpv6Type: $0, code: 0) == nil && Reason(icmpv6Type: $0, code: 1) == nil })
    }

    @Test("no two reasons read alike")
    func distinct() {
        #expect(Set(Reason.allCases.map(\.words)).count == Reason.allCases.count)
    }

    @Test("only a SYN-ACK or a SYN is open, only a reset is closed, all other answers and silence are filtered", arguments: Reason.allCases)
    func states(reason: Reason) {
        switch reason {
        case .synAck, .splitHandshakeSyn: #expect(reason.state == .open)
        case .reset: #expect(reason.state == .closed)
        default: #expect(reason.state == .filtered || Self.ofUntested.contains(reason.words))
        }
    }
}
