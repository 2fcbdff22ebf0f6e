import ArgumentParser
import Glibc
import ScanAPI
import ScanClient
import ScanTargets
import Testing

@Suite("Job files", .serialized)
struct JobFileTests {
    private static let now = Timestamp(microseconds: 1_795_460_760_000_000)

    private func request(_ toml: String, line: [String] = [], file: String = "/jobs/office.toml") throws -> JobRequest {
        let command = try #require(try Synscan.parseAsRoot(["scan"] + line) as? ScanCommand)
        let draft = try JobFile.draft(toml: toml, file: file).overridden(by: command.draft)
        return try draft.request(now: Self.now, zone: { _ in 0 }, services: { ServiceNames(servicesText: "ssh 22/tcp\n") })
    }

    @Test("every key is what its option is")
    func everything() throws {
        var expected = JobRequest(targets: ["10.0.0.0/24", "10.1.0.1:80"])
        expected.name = "nightly"
        expected.exclude = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
        expected.ports = "ssh,80"
        expected.excludePorts = "81"
        expected.rate = 500
        expected.retries = 4
        expected.tcpOptions = .linux
        expected.states = [.open, .closed]
        expected.priority = .low
        expected.deadline = Timestamp(microseconds: Self.now.microseconds + 8 * 3600 * 1_000_000)
        let toml = """
            name = "nightly"
            targets = ["10.0.0.0/24", "10.1.0.1:80"]
            exclude = ["10.0.0.1,10.0.0.2", "10.0.0.3"]
            ports = "ssh,80"
            exclude_ports = 81
            rate = 500
            retries = 4
            tcp_options = "linux"
            states = ["open", "closed"]
            priority = "low"
            deadline = "8h"
            """
        #expect(try request(toml) == expected)
    }

    @Test("ports may be a number, states one text; top_ports stands for ports")
    func shortForms() throws {
        let short = try request("targets = [\"10.0.0.1\"]\nports = 22\nstates = \"open,down\"")
        #expect(short.ports == "22")
        #expect(short.states == [.open, .down])
        #expect(try request("targets = [\"10.0.0.1\"]\ntop_ports = 100\nstates = \"all\"").topPorts == 100)
    }

    @Test(
        "a job without a name is called after its file",
        arguments: [("/etc/synscan/jobs/office.toml", "office"), ("office.toml", "office"), ("./a.b.toml", "a.b"), ("nightly", "nightly")])
    func names(file: String, name: String) throws {
        #expect(try request("targets = [\"10.0.0.1\"]", file: file).name == name)
        #expect(try request("name = \"other\"\ntargets = [\"10.0.0.1\"]", file: file).name == "other")
    }

    @Test("files of targets are looked for beside the job file")
    func paths() throws {
        let toml = "target_files = [\"hosts.txt\", \"/etc/hosts.txt\"]\nexclude_files = [\"../printers.txt\"]"
        let draft = try JobFile.draft(toml: toml, file: "/jobs/office.toml")
        #expect(draft.targetFiles == ["/jobs/hosts.txt", "/etc/hosts.txt"])
        #expect(draft.excludeFiles == ["/jobs/../printers.txt"])
        #expect(try JobFile.draft(toml: toml, file: "office.toml").targetFiles == ["hosts.txt", "/etc/hosts.txt"])
    }

    @Test(
        "the command line counts more",
        arguments: [
            (["--rate", "7"], \JobRequest.rate, 7), (["--top-ports", "5"], \.topPorts, 5), (["--retries", "0"], \.retries, 0),
        ] as [([String], any KeyPath<JobRequest, Int?> & Sendable, Int)])
    func numbers(line: [String], path: any KeyPath<JobRequest, Int?> & Sendable, value: Int) throws {
        let toml = "targets = [\"10.0.0.1\"]\nports = \"22\"\nrate = 500\nretries = 4"
        let request = try request(toml, line: line)
        #expect(request[keyPath: path] == value)
    }

    @Test("the command line counts more, in words too; -p takes the place of top_ports, and --top-ports that of ports")
    func words() throws {
        let toml = """
            name = "nightly"
            targets = ["10.0.0.1"]
            exclude = ["10.0.0.2"]
            top_ports = 100
            exclude_ports = "81"
            tcp_options = "linux"
            states = "open"
            priority = "low"
            deadline = "8h"
            """
        let line = [
            "--name", "now", "--exclude", "10.0.0.3", "-p", "22", "--exclude-ports", "82", "--tcp-options", "none", "--states", "closed",
            "--priority", "high", "--deadline", "1h",
        ]
        var expected = JobRequest(targets: ["10.0.0.1"])
        expected.name = "now"
        expected.exclude = ["10.0.0.3"]
        expected.ports = "22"
        expected.excludePorts = "82"
        expected.tcpOptions = TCPOptions.none
        expected.states = [.closed]
        expected.priority = .high
        expected.deadline = Timestamp(microseconds: Self.now.microseconds + 3600 * 1_000_000)
        #expect(try request(toml, line: line) == expected)
        #expect(try request("targets = [\"10.0.0.1\"]\nports = 22", line: ["--top-ports", "9"]).ports == nil)
    }

    @Test("targets come from one of the two")
    func targets() throws {
        #expect(try request("ports = 22", line: ["10.0.0.7"]).targets == ["10.0.0.7"])
        for file in ["targets = [\"10.0.0.1\"]", "target_files = [\"hosts.txt\"]"] {
            for line in [["10.0.0.7"], ["-iL", "-"]] {
                #expect {
                    try request(file, line: line)
                } throws: { error in
                    ErrorText.sentence(for: error).hasPrefix("Targets are named on the command line and in /jobs/office.toml: ")
                        && CommandStatus(for: error) == .usage
                }
            }
        }
    }

    @Test(
        "a fault is told with file, line and key",
        arguments: [
            // Unknown keys and wrong types.
            ("port = 22", "/jobs/office.toml, line 2, port: unknown; the names here are deadline, exclude, "),
            ("rate = \"fast\"", "/jobs/office.toml, line 2, rate: must be a whole number, not a text"),
            ("report_all = 1", "/jobs/office.toml, line 2, report_all: must be true or false, not a whole number"),
            ("ports = [22]", "/jobs/office.toml, line 2, ports: must be a text in quotes or a whole number, not a list"),
            ("exclude = \"10.0.0.1\"", "/jobs/office.toml, line 2, exclude: must be a list"),
            ("states = [1]", "/jobs/office.toml, line 2, states: must be a list of texts in quotes; one item is a whole number"),
            ("states = 1", "/jobs/office.toml, line 2, states: must be a list"),
            ("deadline = 2026-11-26T06:00:00Z", "/jobs/office.toml, line 2, deadline: must be a text in quotes, not a date or time"),
            ("name = true", "/jobs/office.toml, line 2, name: must be a text in quotes, not true or false"),
            ("rate =", "/jobs/office.toml, line 2"),
            // Values.
            ("tcp_options = \"mac\"", "/jobs/office.toml, line 2, tcp_options: \"mac\" is not one of mss, linux, windows, none"),
            ("priority = \"urgent\"", "/jobs/office.toml, line 2, priority: \"urgent\" is not one of low, normal, high"),
            ("rate = 0", "/jobs/office.toml, line 2, rate 0 cannot be: "),
            ("retries = 9", "/jobs/office.toml, line 2, retries 9 cannot be: "),
            ("top_ports = 0", "/jobs/office.toml, line 2, top_ports 0 cannot be: "),
            ("top_ports = 5\nports = 22", "/jobs/office.toml, line 3, ports and /jobs/office.toml, line 2, top_ports exclude each other"),
            ("ports = \"80-22\"", "/jobs/office.toml, line 2, ports: "),
            ("exclude_ports = 70000", "/jobs/office.toml, line 2, exclude_ports: "),
            ("exclude = [\"10.0.0.1,,\"]", "/jobs/office.toml, line 2, exclude: "),
            ("states = [\"open\", \"foo\"]", "/jobs/office.toml, line 2, states open,foo: there is no state 'foo'"),
            ("deadline = \"later\"", "/jobs/office.toml, line 2, deadline: \"later\": this is not read as a time"),
            ("name = \"a b\"", "/jobs/office.toml, line 2, name a b cannot be: "),
            // Only files can be named, not standard input, for which a job file has no use.
            ("target_files = [\"-\"]", "/jobs/office.toml, line 2, target_files: \"-\" is not a file's path"),
            ("exclude_files = [\"\"]", "/jobs/office.toml, line 2, exclude_files: \"\" is not a file's path"),
        ])
    func faults(second: String, sentence: String) {
        #expect {
            try request("targets = [\"10.0.0.1\"]\n" + second)
        } throws: { error in
            ErrorText.sentence(for: error).hasPrefix(sentence) && CommandStatus(for: error) == .usage
        }
    }

    @Test(
        "faults of a whole file",
        arguments: [
            ("targets = [\"10.0.0.9-10.0.0.1\"]", "office.toml", "office.toml, line 1, targets: "),
            ("ports = 22", "office.toml", "office.toml names no targets"), ("targets = []", "office.toml", "office.toml names no targets"),
            ("targets = [\"10.0.0.1\"]", "my job.toml", "my job.toml: the job's name my job cannot be"),
            ("name = \"a\"\nports = 22", "\u{1b}[2J.toml", #"\x1b[2J.toml names no targets"#),
        ])
    func wholeFiles(toml: String, file: String, sentence: String) {
        #expect {
            try request(toml, file: file)
        } throws: { ErrorText.sentence(for: $0).hasPrefix(sentence) }
    }

    @Test("an option that is at fault is told as the option, not as the file")
    func optionFaults() {
        #expect {
            try request("targets = [\"10.0.0.1\"]\nrate = 5", line: ["--rate", "0"])
        } throws: { ErrorText.sentence(for: $0).hasPrefix("--rate 0 cannot be") }
    }

    @Test(
        "only a file that nobody else can change is read",
        arguments: [(mode_t(0o600), nil), (0o644, nil), (0o664, "can be written by others"), (0o646, "can be written by others")]
            as [(mode_t, String?)])
    func modes(mode: mode_t, problem: String?) throws {
        let file = try TemporaryJobFile("targets = [\"10.0.0.1\"]\n", mode: mode)
        defer { file.remove() }
        guard let problem else {
            #expect(try JobFile.read(file.path).targets == ["10.0.0.1"])
            return
        }
        #expect {
            try JobFile.read(file.path)
        } throws: { error in
            ErrorText.sentence(for: error).contains(problem) && CommandStatus(for: error) == .usage
        }
    }

    @Test("another user's file is not read", .enabled(if: geteuid() == 0, "needs root, to give a file away"))
    func owner() throws {
        let file = try TemporaryJobFile("targets = [\"10.0.0.1\"]\n", mode: 0o644)
        defer { file.remove() }
        #expect(chown(file.path, 65_534, 65_534) == 0)
        #expect {
            try JobFile.read(file.path)
        } throws: { ErrorText.sentence(for: $0).contains("belongs to user 65534") }
    }

    @Test("what is no file is told", arguments: [("/nonexistent/job.toml", "cannot be read"), ("/dev", "is not a regular file")])
    func unreadable(path: String, problem: String) {
        #expect {
            try JobFile.read(path)
        } throws: { ErrorText.sentence(for: $0).contains("\(path): \(problem)") }
    }
}
