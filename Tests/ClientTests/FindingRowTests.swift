import NIOCore
import ScanAPI
import ScanClient
import ScanTargets
import TestSupport
import Testing

@Suite("Findings are read as they were written")
struct FindingRowTests {
    @Test("the quick reader reads what the daemon writes")
    func quick() throws {
        var finding = Finding(
            time: Timestamp(microseconds: 0), address: try #require(IPAddress("2001:db8::1")), port: 65_535, state: .filtered,
            reason: "admin-prohibited")
        finding.ttl = 64
        finding.rttMs = -1.5e-3
        finding.service = "http-alt"
        finding.interface = "veth0"
        let row = FindingRow(address: "2001:db8::1", port: 65_535, state: "filtered", reason: "admin-prohibited", service: "http-alt")
        #expect(try FindingRow(line: Array(APICoding.encode(finding))) == row)
    }

    @Test(
        "lines it does not know go to the general decoder",
        arguments: [
            // Blanks, an escape, a nested value, a null, another order.
            #"{ "address" : "10.0.0.1", "port": 22, "protocol": "tcp", "state": "open", "reason": "syn-ack", "service": "ssh" }"#,
            #"{"address":"10.0.0.1","port":22,"protocol":"tcp","state":"open","reason":"syn\u002dack","service":"ssh"}"#,
            #"{"new":{"a":[1]},"address":"10.0.0.1","port":22,"protocol":"tcp","state":"open","reason":"syn-ack","service":"ssh"}"#,
            #"{"ttl":null,"service":"ssh","reason":"syn-ack","state":"open","protocol":"tcp","port":22,"address":"10.0.0.1"}"#,
        ])
    func general(line: String) throws {
        let row = FindingRow(address: "10.0.0.1", port: 22, state: "open", reason: "syn-ack", service: "ssh")
        #expect(try FindingRow(line: Array(line.utf8)) == row)
    }

    @Test(
        "what is no finding is an error, not a row",
        arguments: ["", "{}", "[]", "{\"address\":\"10.0.0.1\"", "{\"address\":\"a\",\"port\":70000}"])
    func faults(line: String) {
        #expect(throws: (any Error).self) { try FindingRow(line: Array(line.utf8)) }
    }

    @Test("cells are harmless")
    func cells() {
        let row = FindingRow(address: "10.0.0.1", port: 22, state: "open", reason: "\u{1b}[2J", service: nil)
        #expect(row.cells == ["10.0.0.1", "22/tcp", "open", #"\x1b[2J"#, ""])
    }

    @Test("whole hosts and contradictions have words of their own")
    func hosts() throws {
        func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }
        let up = HostFinding(time: Timestamp(microseconds: 0), address: try address("10.0.0.1"), state: "up", reason: "reset")
        var flooded = HostFinding(
            time: Timestamp(microseconds: 0), address: try address("10.0.0.2"), state: "answers-everything", reason: "syn-ack")
        flooded.openPorts = 1300
        var finding = Finding(
            time: Timestamp(microseconds: 0), address: try address("10.0.0.3"), port: 22, state: .closed, reason: "reset")
        finding.conflict = "syn-ack ttl 57"
        var late = Finding(time: Timestamp(microseconds: 0), address: try address("10.0.0.4"), port: 22, state: .open, reason: "syn-ack")
        late.conflict = "host-unreach ttl 61"
        let lines = try [APICoding.encode(up), APICoding.encode(flooded), APICoding.encode(finding), APICoding.encode(late)]
        #expect(
            try lines.map { try FindingRow(line: Array($0)).cells } == [
                ["10.0.0.1", "host", "up", "reset", ""],
                ["10.0.0.2", "host", "answers-everything", "syn-ack from 1,300 ports, the rest untested", ""],
                ["10.0.0.3", "22/tcp", "closed", "reset, then syn-ack ttl 57", ""],
                ["10.0.0.4", "22/tcp", "open", "syn-ack, after host-unreach ttl 61", ""],
            ])
    }

    @Test("random bytes never crash the reader")
    func random() {
        var random = SeededGenerator(seed: 3)
        let sample = Array(#"{"address":"10.0.0.1","port":22,"protocol":"tcp","state":"open","reason":"syn-ack"}"#.utf8)
        for _ in 0..<20_000 {
            var line = sample
            for _ in 0..<1 + random.below(4) { line[random.below(line.count)] = UInt8(truncatingIfNeeded: random.next()) }
            _ = try? FindingRow(line: line)
        }
    }
}

@Suite("A stream is cut into its lines, however it arrives")
struct LineSplitterTests {
    @Test(arguments: [1, 2, 3, 7, 100])
    func pieces(size: Int) throws {
        let lines = ["first", "", "third line", "x"]
        let bytes = Array((lines.joined(separator: "\n") + "\nrest").utf8)
        var splitter = LineSplitter()
        var found: [String] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            try splitter.append(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)]))
            while let line = splitter.next() { found.append(String(decoding: line, as: UTF8.self)) }
        }
        #expect(found == lines)
        #expect(String(decoding: splitter.rest, as: UTF8.self) == "rest")
    }

    @Test("a line without end is an error")
    func endless() {
        var splitter = LineSplitter()
        #expect(throws: ClientError.self) {
            for _ in 0..<40 { try splitter.append(ByteBuffer(repeating: 0x61, count: 1 << 20)) }
        }
    }
}
