import Foundation
import ScanAPI
import ScanCore
import ScanService
import ScanTargets
import TestSupport
import Testing

@Suite("Lines of the results log")
struct LineFormatterTests {
    private let full = StoredFinding(
        time: Timestamp(microseconds: 1_795_460_761_000_123), endpoint: Endpoint(address: IPAddress(v4: 0xc612_0001), port: 80),
        state: .open,
        reason: "syn-ack", ttl: 63, rttMicroseconds: 12_345, window: 64_240, mss: 1460, attempt: 1, interface: "eth0")

    private func line(_ body: (inout LineBuffer) -> Void) -> String {
        var buffer = LineBuffer()
        body(&buffer)
        return String(decoding: buffer.bytes, as: UTF8.self)
    }

    private func object(_ line: String) throws -> [String: Any] {
        #expect(line.hasSuffix("}\n"))
        #expect(line.dropLast().allSatisfy { !$0.isNewline }, "one line")
        return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }

    @Test("of more interfaces than a byte counts each has its name")
    func manyInterfaces() {
        let names = (0..<1000).map { "eth\($0)" }
        for number in [0, 255, 256, 299, 999] as [UInt16] {
            var observation = Samples.observation(1)
            observation.interface = number
            #expect(StoredFinding(observation, interfaces: names).interface == "eth\(number)")
        }
    }

    @Test("what may be forged says so")
    func unverified() {
        var observation = Samples.observation(1, state: .closed)
        observation.isVerified = false
        let line = line { Samples.formatter.append(StoredFinding(observation, interfaces: []), seq: 1, job: 7, name: nil, to: &$0) }
        #expect(line.contains(#","unverified":true}"#))
    }

    @Test("A finding is one object with all keys in the documented order")
    func finding() {
        let line = line { Samples.formatter.append(full, seq: 42, job: 7, name: "web", to: &$0) }
        #expect(
            line == """
                {"v":1,"seq":42,"time":"2026-11-23T19:06:01.000123Z","hostname":"probe","event":"port","job":7,"name":"web",\
                "address":"198.18.0.1","port":80,"protocol":"tcp","state":"open","reason":"syn-ack","ttl":63,"rtt_ms":12.345,\
                "tcp_window":64240,"mss":1460,"attempt":1,"service":"http","port_class":"well-known","interface":"eth0"}

                """)
    }

    @Test("An answer that contradicts stands at the end, and has an event of its own where the finding was logged before")
    func conflict() {
        var contradicted = full
        contradicted.conflict = "syn-ack ttl 57"
        let line = line { Samples.formatter.append(contradicted, event: "conflict", seq: 42, job: 7, name: nil, to: &$0) }
        #expect(line.contains("\"event\":\"conflict\",\"job\":7,\"address\":\"198.18.0.1\",\"port\":80,"))
        #expect(line.hasSuffix("\"interface\":\"eth0\",\"conflict\":\"syn-ack ttl 57\"}\n"))
    }

    @Test("A link-local address is told with the interface of its link, in findings and hosts, in the log and in streams")
    func zones() throws {
        let address = try #require(IPAddress("fe80::2"))
        let time = Timestamp(microseconds: 0)
        func finding(_ address: IPAddress, _ interface: String?) -> StoredFinding {
            StoredFinding(
                time: time, endpoint: Endpoint(address: address, port: 22), state: .filtered, reason: "no-response", ttl: nil,
                rttMicroseconds: nil,
                window: nil, mss: nil, attempt: nil, interface: interface)
        }
        let host = StoredHost(time: time, address: address, state: "up", reason: "syn-ack")
        let part = "\"address\":\"fe80::2%near0\","
        #expect(line { Samples.formatter.append(finding(address, nil), seq: 1, job: 1, name: nil, zone: "near0", to: &$0) }.contains(part))
        #expect(line { Samples.formatter.append(streamed: finding(address, nil), zone: "near0", to: &$0) }.contains(part))
        #expect(line { Samples.formatter.append(streamed: finding(address, "near0"), to: &$0) }.contains(part))
        #expect(line { Samples.formatter.append(host, seq: 1, job: 1, name: nil, zone: "near0", to: &$0) }.contains(part))
        #expect(line { Samples.formatter.append(streamed: host, zone: "near0", to: &$0) }.contains(part))
        // Quotation marks may stand in the name of an interface.
        let odd = try object(line { Samples.formatter.append(streamed: host, zone: "a\"b", to: &$0) })
        #expect(odd["address"] as? String == "fe80::2%a\"b")
        for text in ["2001:db8::1", "198.18.0.1"] {
            let other = finding(try #require(IPAddress(text)), "near0")
            #expect(line { Samples.formatter.append(streamed: other, zone: "near0", to: &$0) }.contains("\"address\":\"\(text)\","))
        }
    }

    @Test("A host is one object, without a port")
    func host() {
        var host = StoredHost(
            time: Timestamp(microseconds: 1_795_460_761_000_123), address: IPAddress(v4: 0xc612_0001), state: "answers-everything",
            reason: "syn-ack")
        (host.openPorts, host.sampled, host.sampledOpen) = (300, 64, 63)
        #expect(
            line { Samples.formatter.append(host, seq: 42, job: 7, name: "web", to: &$0) } == """
                {"v":1,"seq":42,"time":"2026-11-23T19:06:01.000123Z","hostname":"probe","event":"host","job":7,"name":"web",\
                "address":"198.18.0.1","state":"answers-everything","reason":"syn-ack","open_ports":300,"sampled":64,"sampled_open":63}

                """)
        #expect(
            line { Samples.formatter.append(streamed: host, to: &$0) }.hasPrefix(
                "{\"time\":\"2026-11-23T19:06:01.000123Z\",\"address\":"))
    }

    @Test("What is not known is left out")
    func bareFinding() throws {
        let bare = StoredFinding(Samples.observation(5, port: 50_000, state: .filtered), interfaces: [])
        let line = line { Samples.formatter.append(bare, seq: 1, job: 1, name: nil, to: &$0) }
        let keys = try object(line).keys
        #expect(
            Set(keys) == [
                "v", "seq", "time", "hostname", "event", "job", "address", "port", "protocol", "state", "reason", "port_class",
            ])
    }

    @Test(
        "Addresses are written as people write them",
        arguments: ["0.0.0.0", "255.255.255.255", "10.0.100.1", "2001:db8::1", "::ffff:192.0.2.1"])
    func addresses(text: String) throws {
        let address = try #require(IPAddress(text))
        #expect(line { $0.append(address) } == address.description)
    }

    @Test("The end of a job carries its account", arguments: JobLine.Event.allCases)
    func jobLines(event: JobLine.Event) throws {
        var account = Account()
        account.targets = 4
        account.open = 3
        account.untested = 1
        account.seconds = 1.5
        account.link = "raw-ip"
        account.linkReason = "no Ethernet"
        let time = Timestamp(microseconds: 0)
        let line = line {
            Samples.formatter.append(JobLine(event, time: time, job: 3, name: "n", reason: "r", account: account), seq: 9, to: &$0)
        }
        let object = try object(line)
        #expect(object["event"] as? String == event.rawValue)
        #expect(object["reason"] as? String == "r")
        #expect(object["targets"] as? Int == 4)
        #expect(object["seconds"] as? Double == 1.5)
        #expect(
            line.hasSuffix(
                """
                "targets":4,"probes_sent":0,"replies":0,"open":3,"closed":0,"filtered":0,"down":0,"untested":1,"duplicates":0,\
                "rejected_replies":0,"send_errors":0,"link_drops":0,"capture_drops":0,"rounds":0,"seconds":1.500000,"rate":0,"link":"raw-ip",\
                "link_reason":"no Ethernet"}

                """))
    }

    @Test("The names that did not resolve are a list, between the reason and the account")
    func unresolved() throws {
        var job = JobLine(.queued, time: Timestamp(microseconds: 0), job: 3, name: nil, reason: "r", account: Account())
        job.unresolved = ["a.example", "b\".example"]
        let line = line { Samples.formatter.append(job, seq: 9, to: &$0) }
        #expect(try object(line)["unresolved"] as? [String] == ["a.example", "b\".example"])
        #expect(line.contains(#""reason":"r","unresolved":["#))
    }

    @Test("A job that was refused has no number")
    func refused() throws {
        let line = line {
            Samples.formatter.append(JobLine(.refused, time: Timestamp(microseconds: 0), job: nil, name: nil, reason: "x"), seq: 1, to: &$0)
        }
        #expect(try object(line)["job"] == nil)
    }

    @Test("Times and numbers that make no sense still give JSON", arguments: [Double.nan, .infinity, -1, 1e300])
    func absurdNumbers(seconds: Double) throws {
        var account = Account()
        account.seconds = seconds
        account.targets = .min
        account.open = .max
        let line = line {
            Samples.formatter.append(
                JobLine(.finished, time: Timestamp(microseconds: .min), job: .max, name: nil, account: account), seq: .max, to: &$0)
        }
        #expect(try object(line)["targets"] as? Int == .min)
    }

    @Test(
        "Hostile texts stay inside their quotes",
        arguments: [
            "\"},{\"event\":\"port", "line\nfeed\r\u{0}", "\u{1b}[2J\u{7f}\u{9b}31m", "back\\slash", "\u{2028}\u{2029}", "ünïcödé 🐟",
            "\u{fffd}",
            String(repeating: "\\", count: 99), "",
        ])
    func hostile(text: String) throws {
        let job = JobLine(.failed, time: Timestamp(microseconds: 0), job: 1, name: text, reason: text)
        let formatter = LineFormatter(hostname: text, services: ServiceNames())
        let line = line { formatter.append(job, seq: 1, to: &$0) }
        let object = try object(line)
        for key in ["hostname", "name", "reason"] { #expect(object[key] as? String == text) }
        let harmless = line.unicodeScalars.dropLast().allSatisfy {
            $0.properties.generalCategory != .control && $0.value != 0x2028 && $0.value != 0x2029
        }
        #expect(harmless)
    }

    @Test("Any text whatever survives the way through a line")
    func anyText() throws {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<5000 {
            let scalars = (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: 0...(Bool.random(using: &random) ? 0xff : 0x10_ffff), using: &random))
            }
            let text = String(String.UnicodeScalarView(scalars))
            let json = line { $0.append(quoted: text) }
            let read = try #require(try JSONSerialization.jsonObject(with: Data("[\(json)]".utf8)) as? [String])
            #expect(read.first.map { Array($0.unicodeScalars) } == scalars)
        }
    }

    @Test("The stream of findings has the API's keys and values")
    func streamed() throws {
        let line = line { Samples.formatter.append(streamed: full, to: &$0) }
        let finding = try APICoding.decode(Finding.self, from: Data(line.utf8))
        #expect(finding.address == full.endpoint.address && finding.port == 80 && finding.state == .open && finding.reason == "syn-ack")
        #expect(finding.time == full.time && finding.ttl == 63 && finding.rttMs == 12.345 && finding.tcpWindow == 64_240)
        #expect(finding.mss == 1460 && finding.attempt == 1 && finding.service == "http" && finding.interface == "eth0")
        #expect(finding.protocol == "tcp" && finding.portClass == .wellKnown)
    }
}
