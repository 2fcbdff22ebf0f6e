import ArgumentParser
import Glibc
import ScanAPI
import ScanClient
import ScanTargets
import Testing

@Suite("Exit codes are the documented ones")
struct CommandStatusTests {
    @Test(arguments: [
        (Refusal.Kind.usage, Int32(2)), (.tooLarge, 2), (.notFound, 2), (.conflict, 2), (.refused, 3), (.limit, 3), (.unavailable, 4),
        (.unroutable, 1),
        (.internal, 1),
    ])
    func refusals(kind: Refusal.Kind, code: Int32) {
        #expect(CommandStatus(for: Refusal(kind, "no")).rawValue == code)
    }

    @Test(arguments: [
        (ClientError.usage(""), Int32(2)), (.forbidden(""), 3), (.unreachable(""), 4), (.misunderstood(""), 1),
    ])
    func clientErrors(error: ClientError, code: Int32) {
        #expect(CommandStatus(for: error).rawValue == code)
    }

    @Test("names that did not resolve are told by plan and scan alike")
    func unresolved() {
        var job = Samples.job(.finished)
        #expect(CommandStatus(of: job) == .done)
        job.unresolved = ["gone.example"]
        job.account.unresolvedNames = 120
        #expect(CommandStatus(of: job) == .incomplete)
        #expect(JobTexts.summary(job).contains("120 names did not resolve: gone.example, …"))
        job.state = .failed
        #expect(CommandStatus(of: job) == .failed)
    }

    @Test("a target that cannot be parsed is a usage error")
    func expressions() {
        #expect(throws: ExpressionError.self) { try TargetExpression(parsing: "300.1.1.1") }
        do {
            _ = try TargetExpression(parsing: "300.1.1.1")
        } catch {
            #expect(CommandStatus(for: error) == .usage)
        }
    }

    @Test("a reader that has seen enough is no failure; a full disk is")
    func output() {
        #expect(CommandStatus(for: OutputFile.OutputClosed()) == .done)
        #expect(CommandStatus(for: OutputFile.OutputFailed(errno: ENOSPC)) == .failed)
    }

    @Test(
        arguments: [
            (JobState.finished, nil, Int32(0)), (.finished, true, 0), (.finished, false, 5), (.failed, nil, 1), (.cancelled, false, 1),
        ] as [(JobState, Bool?, Int32)])
    func jobs(state: JobState, goalReached: Bool?, code: Int32) {
        var job = Samples.job(state)
        job.account.goalReached = goalReached
        #expect(CommandStatus(of: job).rawValue == code)
    }

    @Test(
        "of several jobs the worst end counts",
        arguments: [
            ([], CommandStatus.done), ([.done, .done], .done), ([.done, .failed, .done], .failed), ([.incomplete, .done], .incomplete),
            ([.done, .incomplete], .incomplete), ([.failed, .incomplete], .failed), ([.incomplete, .failed], .failed),
        ] as [([CommandStatus], CommandStatus)])
    func worst(ends: [CommandStatus], status: CommandStatus) {
        #expect(ends.reduce(.done) { $0.worse($1) } == status)
    }

    @Test(
        "connecting fails with the code and a sentence that helps",
        arguments: [
            (ENOENT, CommandStatus.unreachable, "systemctl start synscand"), (ECONNREFUSED, .unreachable, "is not a socket"),
            (EACCES, .refused, "may not use synscand's socket"),
        ])
    func sockets(code: Int32, status: CommandStatus, part: String) throws {
        let error = try ControlSocketPath(option: "/nonexistent/socket", environment: { _ in nil }).failure(code)
        #expect(CommandStatus(for: error) == status)
        #expect(error.description.contains(part))
        #expect(error.description.contains("/nonexistent/socket"))
    }

    @Test(
        "the socket: --socket before SYNSCAN_SOCKET before the default",
        arguments: [
            ("/a", "/b", "/a"), (nil, "/b", "/b"), (nil, "", "/run/synscan/synscan.sock"), (nil, nil, "/run/synscan/synscan.sock"),
        ] as [(String?, String?, String)])
    func choice(option: String?, variable: String?, path: String) throws {
        #expect(try ControlSocketPath(option: option, environment: { $0 == "SYNSCAN_SOCKET" ? variable : nil }).path == path)
    }

    @Test("a path that is too long for a socket is a usage error", arguments: ["", String(repeating: "x", count: 104)])
    func length(path: String) {
        #expect {
            try ControlSocketPath(option: path, environment: { _ in nil })
        } throws: {
            CommandStatus(for: $0) == .usage
        }
    }

    @Test(
        "usage errors of the command line end with 2, not 64",
        arguments: [
            ["nope"], ["show"], ["scan", "--rate", "x", "10.0.0.1"], ["scan"], ["scan", "10.0.0.1", "--priority", "urgent"],
            ["scan", "10.0.0.1", "--deadline", "yesterday"], ["scan", "--job", "/nonexistent/job.toml"], ["rate", "7"], ["rate", "7", "0"],
            ["rate", "7", "fast"], ["priority", "7", "urgent"], ["pause", "a/b"], ["wait"], ["wait", "7", "a/b"], ["halt", "now"],
        ])
    func usage(arguments: [String]) async {
        #expect(await Entry.run(arguments) == .usage)
    }

    @Test(
        "help, version and completion scripts are no errors",
        arguments: [
            (["--help"], "wait"), (["scan", "--help"], "--deadline"), (["--version"], Version.current),
            (["--generate-completion-script", "bash"], "_synscan_unhalt"),
            (["--generate-completion-script=bash"], "'low'$'\\n''normal'$'\\n''high'"),
        ])
    func wishes(arguments: [String], part: String) throws {
        let error = try #require(throws: (any Error).self) {
            var command = try Synscan.parseAsRoot(arguments)
            try command.run()
        }
        let outcome = Entry.outcome(ofParsing: error)
        #expect(outcome.status == .done)
        #expect(outcome.message.contains(part))
    }
}
