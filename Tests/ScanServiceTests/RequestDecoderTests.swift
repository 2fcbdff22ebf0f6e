import Foundation
import ScanAPI
import ScanService
import ScanTargets
import TestSupport
import Testing

@Suite("The JSON of requests")
struct RequestDecoderTests {
    @Test("All keys are read")
    func whole() throws {
        let text = """
            {"name":"n","targets":["a"],"exclude":["b"],"ports":"80","top_ports":3,"exclude_ports":"1","rate":5,"retries":1,\
            "tcp_options":"linux","states":["open","down"],"priority":"low","deadline":"2026-11-26T06:00:00Z"}
            """
        let request = try RequestDecoder.decode(JobRequest.self, Data(text.utf8))
        var expected = JobRequest(targets: ["a"])
        expected.name = "n"
        expected.exclude = ["b"]
        expected.ports = "80"
        expected.topPorts = 3
        expected.excludePorts = "1"
        expected.rate = 5
        expected.retries = 1
        expected.tcpOptions = .linux
        expected.states = [.open, .down]
        expected.priority = .low
        expected.deadline = Timestamp("2026-11-26T06:00:00.000000Z")
        #expect(request == expected)
    }

    @Test(
        "What is wrong is said in words",
        arguments: [
            ("", "no body"), ("{", "not JSON"), ("nonsense", "not JSON"), ("[]", "must be a JSON object"), ("null", "null"),
            ("7", "a JSON object"),
            ("{}", "targets is missing"), ("{\"targets\":\"a\"}", "targets must be a list"),
            ("{\"targets\":[1]}", "targets[0] must be a text"),
            ("{\"targets\":[\"a\"],\"rate\":\"5\"}", "rate must be a whole number"),
            ("{\"targets\":[\"a\"],\"rate\":0.5}", "not a whole one"),
            ("{\"targets\":[\"a\"],\"rate\":1e99}", "too large"), ("{\"targets\":[\"a\"],\"top_ports\":9223372036854775808}", "too large"),
            ("{\"targets\":[\"a\"],\"port\":\"80\"}", "unknown key, port: the keys are deadline, exclude, exclude_ports"),
            ("{\"targets\":[\"a\"],\"exclude\":[\"b\"],\"exclude\":[\"c\"]}", "the key exclude twice"),
            ("{\"exclude_ports\":\"1\", \"targets\" : [ \"a,}\\\"\" ] , \"excludePorts\" :\"2\"}", "the key excludePorts twice"),
            ("{\"exclude\":[\"b\"],\"targets\":[\"a\"],\"ex\\u0063lude\":[\"c\"]}", "the key exclude twice"),
            ("{\"targets\":[\"a\"],\"states\":[\"ajar\"]}", "states[0] has no possible value"),
            ("{\"targets\":[\"a\"],\"tcp_options\":\"mac\"}", "tcp_options has no possible value"),
            ("{\"targets\":[\"a\"],\"\\u001b[2J\":1}", "unknown key, ?[2J"), ("\u{ff}\u{fe}{}", "not JSON"),
        ])
    func wrong(text: String, words: String) throws {
        let refusal = try #require(throws: Refusal.self) { try RequestDecoder.decode(JobRequest.self, Data(text.utf8)) }
        #expect(refusal.kind == .usage)
        #expect(refusal.message.contains(words), "\(refusal)")
    }

    @Test("Deep nesting is refused, not followed")
    func nesting() {
        for bracket in ["[", "{\"targets\":"] {
            #expect(throws: Refusal.self) {
                try RequestDecoder.decode(JobRequest.self, Data(String(repeating: bracket, count: 200_000).utf8))
            }
        }
    }

    @Test("Random bytes and requests with random changes are read or refused, a hundred thousand of them")
    func random() {
        let whole = Array(
            #"{"name":"n","targets":["198.18.0.0/24"],"ports":"1-9","rate":100,"retries":2,"states":["open"],"top_ports":1}"#.utf8)
        var random = SeededGenerator(seed: 11)
        for _ in 0..<100_000 {
            var bytes = whole
            if Int.random(in: 0..<4, using: &random) == 0 {
                bytes = (0..<Int.random(in: 0..<60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            }
            for _ in 0..<Int.random(in: 0..<4, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? RequestDecoder.decode(JobRequest.self, Data(bytes))
        }
    }
}
