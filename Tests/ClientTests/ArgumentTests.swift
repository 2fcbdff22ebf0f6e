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

    @Test("options that hold lists add up")
    func addsUp() throws {
        let request = try draft([
            "10.0.0.1", "-p", "22", "--ports", "80-81", "-p-1", "-p", "!81", "--exclude-ports", "22", "--exclude-ports=-1", "--states",
            "open",
            "--states", "closed",
        ]).request { ServiceNames() }
        #expect(request.ports == "22,80-81,-1,!81")
        #expect(request.excludePorts == "22,-1")
        #expect(request.states == [.open, .closed])
        #expect(try RequestDraft.parseStates("open,all") == TargetState.allCases)
    }

    @Test(
        "targets are read as lists are",
        arguments: [
            (["10.0.0.1", "-", "10.0.0.9"], ["10.0.0.1 - 10.0.0.9"]), (["10.0.0.1,10.0.0.3"], ["10.0.0.1", "10.0.0.3"]),
            (["10.0-3.*.1,5", "h:22,80"], ["10.0-3.*.1,5", "h:22", "h:80"]), (["https://h:8443/secret?token=1"], ["h:8443"]),
            (["[fe80::2%eth0]:22"], ["[fe80::2%eth0]:22"]),
        ])
    func targets(arguments: [String], expected: [String]) throws {
        let request = try draft(arguments).request { ServiceNames() }
        #expect(request.targets == expected)
        #expect(
            try draft(["10.9.9.9"] + arguments.map { "--exclude=\($0)" }.filter { $0 != "--exclude=-" }).request { ServiceNames() }.exclude
                != nil)
    }

    @Test("the request tells which list an exclusion comes from, and a list without an entry is told at once")
    func exclusionSources() throws {
        let list = try TemporaryJobFile("# printers\r10.0.0.1\r10.0.0.2 ; lobby\r")
        let empty = try TemporaryJobFile("# 10.0.0.3\n; 10.0.0.4\n")
        defer {
            list.remove()
            empty.remove()
        }
        let request = try draft(["10.0.0.0/24", "--exclude", "10.0.0.9,10.0.0.8", "--excludefile", list.path, "--excludefile", empty.path])
            .request { ServiceNames() }
        #expect(request.exclude == ["10.0.0.9", "10.0.0.8", "10.0.0.1", "10.0.0.2"])
        #expect(
            request.excludeSources == [
                .init(name: "10.0.0.9", count: 1), .init(name: "10.0.0.8", count: 1), .init(name: list.path, count: 2),
                .init(name: empty.path, count: 0),
            ])
        let notes = ExclusionTexts.notes(request)
        #expect(notes.count == 1 && notes[0].contains(empty.path) && notes[0].contains("no entry"))
    }

    @Test("nmap's options that change nothing are taken", arguments: ["-Pn", "-PN", "-P0", "-sS", "-n", "--reason"])
    func takesHarmless(option: String) throws {
        for line in [[option, "10.0.0.1", "-p", "22"], ["-p22", "10.0.0.1", option], ["-sS", "-Pn", option, "10.0.0.1", "-p22"]] {
            let draft = try draft(line)
            #expect(draft.targets == ["10.0.0.1"] && draft.ports == "22")
        }
    }

    @Test(
        "other options of nmap and masscan are explained, all of them at once",
        arguments: [
            (["-oX", "out.xml"], "There is no -oX: findings go to"), (["-oN", "o"], "synscan results"), (["-oG", "-"], "synscan results"),
            (["-oA", "o"], "synscan results"), (["-oJ", "o"], "synscan results"), (["-T4"], "--max-rate"), (["-A"], "nmap -A"),
            (["-O"], "nmap -O"),
            (["-sV"], "nmap -sV"), (["-sU"], "UDP"), (["-sT"], "SYN scan"), (["-sn"], "--report-hosts"), (["-PS22"], "-Pn"),
            (["--open"], "--states open"),
            (["-F"], "--top-ports 100"), (["-v"], "synscan show"), (["-vv"], "synscan show"), (["-6"], "IPv6"),
            (["--min-rate", "5"], "--rate"),
            (["--max-retries", "2"], "--retries"), (["--script=x"], "nmap"), (["-D", "10.0.0.2"], "never hides"), (["-f"], "never hides"),
            (["--spoof-mac", "0"], "never hides"), (["-g", "53"], "source_ports"), (["-iR", "5"], "authorised"), (["--banners"], "banners"),
        ])
    func explains(options: [String], part: String) throws {
        for arguments in [["scan"] + options + ["10.0.0.1", "-p", "22"], ["plan", "10.0.0.1"] + options] {
            let error = try #require(throws: (any Error).self) { try Synscan.parseAsRoot(arguments) }
            let (message, status) = Entry.outcome(ofParsing: error, arguments)
            #expect(status == .usage)
            #expect(message.contains(part) && !message.contains("Did you mean"), "\(message)")
        }
    }

    @Test("a line of several such options has a sentence for each, and no option is taken for -iL")
    func explainsAll() throws {
        let line = ["scan", "-sS", "-Pn", "-T4", "-oX", "out.xml", "10.0.0.1", "-p", "22"]
        let error = try #require(throws: (any Error).self) { try Synscan.parseAsRoot(line) }
        let message = Entry.outcome(ofParsing: error, line).message
        #expect(message.split(separator: "\n").count == 2 && message.contains("-T4") && message.contains("-oX"))
        let unknown = ["scan", "-x", "10.0.0.1"]
        let other = try #require(throws: (any Error).self) { try Synscan.parseAsRoot(unknown) }
        #expect(!Entry.outcome(ofParsing: other, unknown).message.contains("-iL'?"))
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

    @Test(
        "another user's job is called by user and name, the user by name or number",
        arguments: [
            ("alice/office", "1000%2Foffice"), ("1000/office", "1000%2Foffice"), ("0/office", "0%2Foffice"), ("office", "office"),
            ("7", "7"),
        ])
    func jobsOfOthers(typed: String, path: String) throws {
        let reference = try JobReference(typed: typed) { $0 == "alice" ? 1000 : nil }
        #expect(reference.path == path && reference.description == typed)
        #expect(ControlRequest.job(reference).path == "/v1/jobs/\(path)")
    }

    @Test(
        "what is no user and name is told in words",
        arguments: [
            ("bob/office", "no user bob"), ("4294967296/office", "no user 4294967296"), ("/office", "no user"), ("alice/7", "stands alone"),
            ("alice/", "not a user and the name"), ("alice/..", "not a user and the name"), ("a/b/c", "neither"),
        ])
    func wrongJobsOfOthers(typed: String, words: String) throws {
        let error = try #require(throws: ClientError.self) { try JobReference(typed: typed) { $0 == "alice" ? 1000 : nil } }
        #expect("\(error)".contains(words), "\(error)")
    }

    @Test("of a long list the first targets stand alone, the rest shares texts, and all are there")
    func longLists() throws {
        var draft = RequestDraft()
        draft.targets = (0..<5000).map { "10.0.\($0 / 256).\($0 % 256)" } + ["web.example", "10.9.9.9:80", "10.8.0.0/16"]
        let request = try draft.request(services: { ServiceNames() })
        #expect(request.targets.count < 70 && request.targets.prefix(64).elementsEqual(draft.targets.prefix(64)))
        var read: [String] = []
        for text in request.targets { try TargetExpression.each(in: text) { read.append($0.text) } }
        #expect(Set(read) == Set(draft.targets) && read.count == draft.targets.count)
    }
}
