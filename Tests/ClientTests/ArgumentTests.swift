import ArgumentParser
import ScanAPI
import ScanClient
import ScanTargets
import Testing

@Suite("nmap's habits work")
struct ArgumentTests {
    private func draft(_ arguments: [String]) throws -> RequestDraft {
        try #require(try Synscan.parseAsRoot(["scan"] + arguments) as? ScanCommand).draft
    }

    @Test(
        "all ways to write -p",
        arguments: [
            (["-p", "22,80"], "22,80"), (["-p22,80"], "22,80"), (["-p=22"], "22"), (["--ports", "22"], "22"), (["--ports=22"], "22"),
            // A dash is all ports.
            (["-p", "-"], "-"), (["-p-"], "-"), (["--ports=-"], "-"),
            // Open ranges begin or end with a dash.
            (["-p", "-1024"], "-1024"), (["-p-1024"], "-1024"), (["-p60000-"], "60000-"),
            // Exclusions, and names of services.
            (["-p", "-,!25"], "-,!25"), (["-pssh,http"], "ssh,http"),
        ])
    func ports(arguments: [String], ports: String) throws {
        for line in [arguments + ["10.0.0.1"], ["10.0.0.1"] + arguments, ["-n"] + arguments + ["-n", "10.0.0.1"]] {
            let draft = try draft(line)
            #expect(draft.ports == ports)
            #expect(draft.targets == ["10.0.0.1"])
            #expect(try draft.request { ServiceNames(servicesText: "ssh 22/tcp\nhttp 80/tcp\n") }.ports == ports)
        }
    }

    @Test("lists of targets come from files and from standard input")
    func lists() throws {
        #expect(try draft(["-iL", "-"]).targetFiles == ["-"])
        #expect(try draft(["-iL", "a", "-iL", "b"]).targetFiles == ["a", "b"])
        #expect(try draft(["--excludefile", "-", "10.0.0.1"]).excludeFiles == ["-"])
    }

    @Test("--exclude takes commas and can be repeated")
    func exclusions() throws {
        let request = try draft(["10.0.0.0/24", "--exclude", "10.0.0.1,10.0.0.2:80", "--exclude=10.0.0.7-9"]).request { ServiceNames() }
        #expect(request.exclude == ["10.0.0.1", "10.0.0.2:80", "10.0.0.7-9"])
    }

    @Test("a full line becomes one request")
    func everything() throws {
        let line = [
            "--rate", "500", "--retries", "4", "--states", "open,closed", "--tcp-options", "linux", "--exclude-ports", "-1023",
            "--top-ports", "100", "--name", "nightly", "-n", "host.example:80",
        ]
        var expected = JobRequest(targets: ["host.example:80"])
        expected.rate = 500
        expected.retries = 4
        expected.states = [.open, .closed]
        expected.tcpOptions = .linux
        expected.excludePorts = "-1023"
        expected.topPorts = 100
        expected.name = "nightly"
        #expect(try draft(line).request { ServiceNames() } == expected)
    }

    @Test(
        "what cannot be is told before the daemon is asked",
        arguments: [
            ([], "No targets"), (["10.0.0.1", "-p", "0"], "-p: "), (["10.0.0.1", "-p", "80-22"], "-p: "), (["10.0.0.1", "-p", ""], "-p: "),
            (["10.0.0.1", "-p", "nonsense"], "-p: "), (["10.0.0.1", "--exclude-ports", "70000"], "--exclude-ports: "),
            (["10.0.0.9-10.0.0.1"], "10.0.0.9-10.0.0.1"), (["10.0.0.1", "--exclude", "10.0.0.1,,"], "--exclude: "),
            (["10.0.0.1", "--rate", "0"], "--rate 0"), (["10.0.0.1", "--rate", "-5"], "--rate -5"),
            (["10.0.0.1", "--retries", "9"], "--retries 9"), (["10.0.0.1", "--deadline", "later"], "--deadline: \"later\""),
            (["10.0.0.1", "--deadline", "2020-01-01 06:00"], "this is over"),
            (["10.0.0.1", "--top-ports", "0"], "--top-ports 0"), (["10.0.0.1", "--top-ports", "5", "-p", "22"], "exclude each other"),
            (["10.0.0.1", "--states", "open,foo"], "'foo'"), (["10.0.0.1", "--states", ""], "''"),
            (["10.0.0.1", "--name", "a b"], "--name a b"),
            (["-iL", "/nonexistent/list"], "Cannot read /nonexistent/list"), (["-iL", "/"], "it is a folder"),
            (["-iL", "/dev/null"], "/dev/null names no target"), (["-iL", "/dev/zero"], "longer than 64 MiB"),
            (["-iL", "-", "--excludefile", "-", "10.0.0.1"], "only once"),
        ] as [([String], String)])
    func faults(arguments: [String], part: String) throws {
        let draft = try draft(arguments)
        #expect {
            _ = try draft.request { ServiceNames() }
        } throws: { error in
            ErrorText.sentence(for: error).contains(part) && CommandStatus(for: error) == .usage
        }
    }

    @Test("--states all is every state")
    func allStates() throws {
        #expect(try RequestDraft.parseStates("all") == TargetState.allCases)
        #expect(try RequestDraft.parseStates("open,open") == [.open])
    }

    @Test(
        "a job is called by number or name; anything else never reaches a path",
        arguments: [
            ("7", true), ("nightly-2.a_B", true), (String(repeating: "a", count: 64), true), (String(repeating: "a", count: 65), false),
            ("", false),
            ("a/b", false), ("..", false), (".", false), ("a b", false), ("a?b", false), ("ä", false), ("a\r\nb", false),
        ])
    func references(text: String, isValid: Bool) {
        #expect((JobReference(text) != nil) == isValid)
    }
}
