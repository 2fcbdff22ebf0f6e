import ScanAPI
import ScanClient
import Testing

@Suite("Commands ask the daemon what they say", .serialized, .timeLimit(.minutes(1)))
struct CommandTests {
    /// Runs a command against a daemon that gives these answers; returns how it ended and what was asked.
    private func run(_ line: [String], _ answers: [String]) async throws -> (status: CommandStatus, requests: [String]) {
        let daemon = try ScriptedDaemon(answers)
        defer { daemon.stop() }
        let status = await Entry.run(line + ["--socket", daemon.socket.path])
        return (status, daemon.seen.requests)
    }

    private static func refused(_ kind: Refusal.Kind) throws -> String {
        ScriptedDaemon.document(try Samples.json(Refusal(kind, "no")), status: "\(kind.httpStatus) No")
    }

    @Test(
        "steering a job",
        arguments: [
            (["pause", "7"], "POST /v1/jobs/7/pause HTTP/1.1"), (["resume", "office"], "POST /v1/jobs/office/resume HTTP/1.1"),
            (["cancel", "7"], "POST /v1/jobs/7/cancel HTTP/1.1"),
            (["retry", "7", "--detach"], "POST /v1/jobs/7/retry HTTP/1.1"), (["delete", "7"], "DELETE /v1/jobs/7 HTTP/1.1"),
            (["rate", "7", "500"], "PATCH /v1/jobs/7 HTTP/1.1 {\"rate\":500}"),
            (["priority", "office", "high"], "PATCH /v1/jobs/office HTTP/1.1 {\"priority\":\"high\"}"),
        ])
    func steering(line: [String], request: String) async throws {
        for json in [[], ["--json"]] {
            let end = try await run(line + json, [ScriptedDaemon.document(try Samples.json(Samples.job(.paused)))])
            #expect(end.status == .done)
            #expect(end.requests == [request])
        }
        #expect(try await run(line, [try Self.refused(.refused)]).status == .refused)
        #expect(try await run(line, [try Self.refused(.notFound)]).status == .usage)
        #expect(try await run(line, [try Self.refused(.conflict)]).status == .usage)
    }

    @Test("steering the daemon")
    func daemon() async throws {
        let status = try Samples.json(Samples.status())
        let table = [
            ("reload", "POST /v1/reload HTTP/1.1", try Samples.json(Reload(changed: ["a"], needsRestart: ["b"]))),
            ("reopen", "POST /v1/reopen HTTP/1.1", try Samples.json(Reopening(resultsLog: "/r", auditLog: "/a"))),
            ("halt", "POST /v1/halt HTTP/1.1", status), ("unhalt", "POST /v1/unhalt HTTP/1.1", status),
        ]
        for (command, request, answer) in table {
            for json in [[], ["--json"]] {
                let end = try await run([command] + json, [ScriptedDaemon.document(answer)])
                #expect(end.status == .done, "\(command)")
                #expect(end.requests == [request])
            }
            #expect(try await run([command], [try Self.refused(.conflict)]).status == .usage)
            #expect(try await run([command], [try Self.refused(.refused)]).status == .refused)
        }
    }

    @Test("a request without a body leaves the connection fit for the next one, whatever its method")
    func methods() async throws {
        let job = ScriptedDaemon.document(try Samples.json(Samples.job()))
        let daemon = try ScriptedDaemon([job, job, job, job])
        defer { daemon.stop() }
        let seven = JobReference(id: 7)
        try await ControlConnection.open(daemon.socket) { connection in
            let change = try ControlRequest.change(seven, JobChange(rate: 1, priority: .low))
            for request in [.delete(seven), change, .pause(seven), .job(seven)] {
                _ = try await connection.reply(to: request, as: Job.self)
            }
        }
        #expect(daemon.seen.connections == 1)
        #expect(
            daemon.seen.requests == [
                "DELETE /v1/jobs/7 HTTP/1.1", "PATCH /v1/jobs/7 HTTP/1.1 {\"priority\":\"low\",\"rate\":1}",
                "POST /v1/jobs/7/pause HTTP/1.1", "GET /v1/jobs/7 HTTP/1.1",
            ])
    }

    @Test(
        "wait ends with the worst of its jobs, and asks for all of them before it waits",
        arguments: [
            (JobState.finished, JobState.finished, CommandStatus.done), (.failed, .finished, .failed), (.finished, .cancelled, .failed),
        ])
    func wait(first: JobState, second: JobState, status: CommandStatus) async throws {
        let answers = [
            ScriptedDaemon.document(try Samples.json(Samples.job())), ScriptedDaemon.document(try Samples.json(Samples.job(second))),
            // The stream breaks off once.
            ScriptedDaemon.cutStream([try Samples.json(Samples.job())]),
            ScriptedDaemon.stream([try Samples.json(Samples.job()), try Samples.json(Samples.job(first))]),
        ]
        for json in [[], ["--json"]] {
            let end = try await run(["wait", "office", "8"] + json, answers)
            #expect(end.status == status)
            #expect(
                end.requests == [
                    "GET /v1/jobs/office HTTP/1.1", "GET /v1/jobs/8 HTTP/1.1", "GET /v1/jobs/7/events HTTP/1.1",
                    "GET /v1/jobs/7/events HTTP/1.1",
                ])
        }
    }

    @Test("wait fails at once for a job that is not there, and without a daemon")
    func waitFaults() async throws {
        let job = ScriptedDaemon.document(try Samples.json(Samples.job()))
        #expect(try await run(["wait", "7", "8"], [job, try Self.refused(.notFound)]).status == .usage)
        #expect(await Entry.run(["wait", "7", "--socket", "/nonexistent/socket"]) == .unreachable)
    }

    @Test("a job file whose job before is not over: nothing is started, and that is no failure", arguments: [[], ["--detach"], ["--json"]])
    func predecessor(options: [String]) async throws {
        let file = try TemporaryJobFile("name = \"office\"\ntargets = [\"10.0.0.1\"]\n")
        defer { file.remove() }
        let conflict = try Self.refused(.conflict)
        let end = try await run(["scan", "--job", file.path] + options, [conflict])
        #expect(end.status == .done)
        #expect(end.requests == ["POST /v1/jobs HTTP/1.1 {\"name\":\"office\",\"targets\":[\"10.0.0.1\"]}"])
        // By hand, or for another reason, it is one.
        #expect(try await run(["scan", "--name", "office", "10.0.0.1"] + options, [conflict]).status == .usage)
        #expect(try await run(["scan", "--job", file.path] + options, [try Self.refused(.limit)]).status == .refused)
        #expect(ScanCommand.predecessorRuns("office") == "Nothing is started: job office, the one before, is not over.")
    }

    @Test("a scan with priority and deadline goes out with them, and comes back over a restart")
    func scan() async throws {
        let job = try Samples.json(Samples.job(.queued))
        let answers = [
            ScriptedDaemon.document(job), "", ScriptedDaemon.stream([try Samples.json(Samples.job(.finished))]), ScriptedDaemon.stream([]),
        ]
        let end = try await run(["scan", "10.0.0.1", "--priority", "low", "--deadline", "2199-11-26T06:00:00+01:00"], answers)
        #expect(end.status == .done)
        #expect(
            end.requests == [
                "POST /v1/jobs HTTP/1.1 {\"deadline\":\"2199-11-26T05:00:00.000000Z\",\"priority\":\"low\",\"targets\":[\"10.0.0.1\"]}",
                "GET /v1/jobs/7/events HTTP/1.1", "GET /v1/jobs/7/events HTTP/1.1", "GET /v1/jobs/7/findings HTTP/1.1",
            ])
    }
}
