import ScanAPI
import ScanFiles
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

    @Test(
        "A denied IPv4 address is denied in the IPv6 addresses that carry it, and its neighbours are not",
        arguments: [
            ("64:ff9b::198.18.64.9", "64:ff9b::198.18.64.8"), ("::198.18.64.9", "::198.18.64.8"),
            ("::ffff:0:198.18.64.9", "::ffff:0:198.18.64.8"),
            // 198.18.64.9 is c612:4009.
            ("2002:c612:4009::1", "2002:c612:4008::1"), ("2002:c612:4009:ffff:ffff:ffff:ffff:ffff", "2002:c612:400a::"),
            ("64:ff9b:1::198.18.64.9", "64:ff9b:1::198.18.64.8"),
            // RFC 6052 §2.2 with prefixes of 48, 56 and 64 bits.
            ("64:ff9b:1:c612:40:900::", "64:ff9b:1:c612:40:800::"), ("64:ff9b:1:c6:12:4009::", "64:ff9b:1:c6:12:4008::"),
            ("64:ff9b:1:0:c6:1240:900:0", "64:ff9b:1:0:c6:1240:800:0"),
        ])
    func embedded(denied: String, free: String) throws {
        for allow in ["\"::/0\", \"0.0.0.0/0\"", "\"64:ff9b::/32\", \"64:ff9b:1::/48\", \"2002::/16\", \"::/64\""] {
            for deny in ["198.18.64.9", "198.18.64.9-198.18.64.9", "198.18.64.9/255.255.255.255", "198.18.64,65.9"] {
                let scope = try scope("allow = [\(allow)]\ndeny = [\"\(deny)\"]")
                let refusal = try #require(scope.refusal(of: try addresses(denied)), "\(denied)")
                #expect(refusal.message.contains("denies"), "\(refusal)")
                #expect(scope.refusal(of: try addresses(free)) == nil, "\(free)")
            }
        }
    }

    @Test("Blocks are denied whole in every form, loopback is no IPv4 address, and Teredo goes as a whole")
    func embeddedBlocks() throws {
        let allow = "allow = [\"::/0\", \"private\"]\n"
        let tens = try scope(allow + "deny = [\"10.0.0.0/8\", \"0.0.0.0/8\"]")
        for text in [
            "64:ff9b::10.0.0.0/104", "2002:a00::/24", "64:ff9b:1:a00::", "64:ff9b:1:aff:ff:ff00::", "64:ff9b:1:a:ff:ffff::",
            "64:ff9b:1:0:a:ffff:ff00:0",
            "::10.255.255.255", "2001::/32", "2001:0:1::1",
        ] {
            #expect(tens.refusal(of: try addresses(text)) != nil, "\(text)")
        }
        for text in ["::1", "64:ff9b::11.0.0.0", "2002:b00::", "64:ff9b:1:b00::", "2001:db8::1", "2001:1::"] {
            #expect(tens.refusal(of: try addresses(text)) == nil, "\(text)")
        }
        let none = try scope(allow)
        for text in ["64:ff9b::10.0.0.1", "2001::1"] { #expect(none.refusal(of: try addresses(text)) == nil) }
        // What is not allowed costs nothing, and what an IPv6 block denies is no IPv4 address.
        #expect(try scope("deny = [\"0.0.0.0/0\"]").refusal(of: try addresses("::1")) == nil)
        #expect(try scope(allow + "deny = [\"64:ff9b::10.0.0.1\"]").refusal(of: try addresses("10.0.0.1")) == nil)
    }

    @Test(
        "Deny files are read as lists are, whatever ends their lines",
        arguments: [
            "# never\r198.18.64.2\r", "; DROP\n198.18.64.2 ; SBL1\n", "\u{feff}198.18.64.2\r\n", "198.18.64.2\u{c}", "198.18.64.2-3,2",
            "198.18.64.1 - 198.18.64.3",
            "::ffff:198.18.64.2", "198.18.64.2/255.255.255.255",
        ])
    func denyFiles(content: String) throws {
        let folder = try TemporaryDirectory()
        try folder.write(content, to: "deny.txt")
        let path = folder.file("deny.txt")
        let scope = try scope("allow = [\"198.18.0.0/15\"]\ndeny_files = [\"\(path)\"]")
        #expect(scope.refusal(of: try addresses("198.18.64.2"))?.message.contains("denies") == true)
        #expect(scope.refusal(of: try addresses("198.18.64.4")) == nil)
        #expect(scope.idleFiles.isEmpty)
        #expect(scope.denyWords.last?.contains("1 entry, ") == true, "\(scope.denyWords)")
    }

    @Test("A deny file that leaves nothing out is told")
    func idleFiles() throws {
        let folder = try TemporaryDirectory()
        for (content, words) in [("", "no entry"), ("# 198.18.64.2\n; x\n", "no entry"), ("192.0.2.1\n", "leaves out none")] {
            try folder.write(content, to: "deny.txt")
            let path = folder.file("deny.txt")
            let scope = try scope("allow = [\"198.18.0.0/15\"]\ndeny_files = [\"\(path)\"]")
            #expect(
                scope.idleFiles.count == 1 && scope.idleFiles[0].contains(words) && scope.idleFiles[0].contains(path), "\(scope.idleFiles)")
            #expect(scope.denyWords.last?.contains(content == "192.0.2.1\n" ? "1 entry, none" : "no entry") == true, "\(scope.denyWords)")
        }
    }

    @Test(
        "A deny file with a line that is not sure keeps the daemon from starting",
        arguments: [
            "198.18.64.0 198.18.64.9", "198.18.64.2;198.18.64.3", "198.18.64.2 ; 198.18.64.3", "198.18.64.2:22", "host.example",
            "198.18.64.2,plc",
            "1\u{0}9\u{0}", "198.18.64.1\u{2013}9",
        ])
    func badDenyFiles(content: String) throws {
        let folder = try TemporaryDirectory()
        try folder.write("# list\n\(content)\n", to: "deny.txt")
        let path = folder.file("deny.txt")
        let fault = try #require(throws: FileFault.self) { try scope("deny_files = [\"\(path)\"]") }
        #expect(fault.key == "scope.deny_files" && fault.problem.contains(path), "\(fault)")
    }

    @Test("An empty allow list allows nothing")
    func nothing() throws {
        let refusal = try #require(try scope("allow = []").refusal(of: try addresses("127.0.0.1")))
        #expect(refusal.message.contains("nothing"), "\(refusal)")
    }
}
