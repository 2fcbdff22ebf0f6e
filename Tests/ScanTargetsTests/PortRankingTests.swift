import ScanTargets
import Testing

@Suite("Port rankings")
struct PortRankingTests {
    private let text = """
        # Fields in this file are: Service name, portnum/protocol, open-frequency, optional comments
        rarest\t9/tcp\t0.000001
        second 443/tcp 0.2 # secure
        first\t80/tcp\t0.4\t# World Wide Web
        other\t53/udp\t0.9
        tied 25/tcp 0.1
        tied 22/tcp 0.1
        unknown 1/tcp nan
        unknown 2/tcp -0.5
        unknown 3/tcp 1e300
        unknown 4/tcp
        second 443/tcp 0.05 # a port again
        """

    @Test("A services file with frequencies ranks TCP ports, the most common first, equals by number")
    func ranks() throws {
        let ranking = try #require(PortRanking(nmapServicesText: text, source: "a test"))
        #expect(ranking.ports == [80, 443, 22, 25, 9])
        #expect(ranking.source == "a test")
    }

    @Test(
        "Asking for the top ports gives at most what there is",
        arguments: [(-1, ""), (.min, ""), (0, ""), (1, "80"), (3, "22,80,443"), (.max, "9,22,25,80,443")])
    func picksTop(n: Int, expected: String) throws {
        let ranking = try #require(PortRanking(nmapServicesText: text, source: "a test"))
        #expect(ranking.top(n).description == expected)
    }

    @Test("A file without a single frequency is no ranking", arguments: ["", "ssh 22/tcp", "domain 53/udp 0.5", "# only\n# comments"])
    func refuses(text: String) {
        #expect(PortRanking(nmapServicesText: text, source: "a test") == nil)
    }

    @Test("The built-in ranking has over 100 ports, each once, web and shell first, and says that it is our own")
    func builtIn() {
        let ranking = PortRanking.builtIn
        #expect(ranking.ports.count > 100)
        #expect(Set(ranking.ports).count == ranking.ports.count)
        #expect(!ranking.ports.contains(0))
        #expect(ranking.top(3) == PortSet([80...80, 443...443, 22...22]))
        #expect(ranking.source.contains("built-in") && ranking.source.contains("\(ranking.ports.count) ports"))
    }
}
