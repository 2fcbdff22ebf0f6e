import ScanAPI
import ScanService
import ScanTargets
import Testing

@Suite("Scope: what may be probed")
struct ScopeTests {
    private func scope(_ text: String) throws -> Scope {
        try Configuration(toml: "[scope]\n\(text)", file: "c.toml").scope
    }

    private func addresses(_ texts: String...) throws -> AddressSet {
        AddressSet(try texts.map { try #require(AddressRange($0)) })
    }

    @Test(
        "By default only private, link-local and loopback addresses",
        arguments: [
            ("10.255.255.255", true), ("172.16.0.1", true), ("172.32.0.1", false), ("192.168.1.1", true), ("169.254.7.7", true),
            ("127.0.0.1", true), ("fd00::1", true), ("fe80::1", true), ("::1", true), ("8.8.8.8", false), ("192.0.2.1", false),
            ("2001:db8::1", false), ("0.0.0.0", false),
        ])
    func standard(address: String, isAllowed: Bool) throws {
        #expect(Scope.standard.allowed.contains(try #require(IPAddress(address))) == isAllowed)
        #expect((Scope.standard.refusal(of: try addresses(address)) == nil) == isAllowed)
    }

    @Test("Some addresses are never probed, even when everything is allowed", arguments: Scope.neverWords)
    func never(block: String) throws {
        let scope = try scope("allow = [\"0.0.0.0/0\", \"::/0\"]")
        let refusal = try #require(scope.refusal(of: try addresses(block)))
        #expect(refusal.kind == .refused)
        #expect(refusal.message.contains("never probed"), "\(refusal)")
    }

    @Test("Deny wins over allow, and the first range at fault is named")
    func denied() throws {
        let scope = try scope("allow = [\"10.0.0.0/8\"]\ndeny = [\"10.0.5.0/24\", \"10.0.9.0/24\"]")
        let refusal = try #require(scope.refusal(of: try addresses("10.0.0.0/16")))
        #expect(refusal.message.contains("10.0.5.0/24 is outside the scope"), "\(refusal)")
        #expect(refusal.message.contains("denies"), "\(refusal)")
        #expect(scope.refusal(of: try addresses("10.0.0.0-10.0.4.255")) == nil)
    }

    @Test("What is not allowed is named with what is")
    func notAllowed() throws {
        let scope = try scope("allow = [\"10.0.0.0/8\", \"loopback\"]")
        let refusal = try #require(scope.refusal(of: try addresses("10.0.0.0/8", "192.0.2.0/24")))
        #expect(refusal.message.contains("192.0.2.0/24") && refusal.message.contains("10.0.0.0/8, loopback"), "\(refusal)")
    }

    @Test("An empty allow list allows nothing")
    func nothing() throws {
        let refusal = try #require(try scope("allow = []").refusal(of: try addresses("127.0.0.1")))
        #expect(refusal.message.contains("nothing"), "\(refusal)")
    }
}
