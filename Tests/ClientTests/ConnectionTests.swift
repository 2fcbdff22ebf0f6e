import ScanAPI
import ScanClient
import Testing

@Suite("Talking to the daemon", .serialized, .timeLimit(.minutes(1)))
struct ConnectionTests {
    private func asking(_ answers: [String], _ body: (ScriptedDaemon) async throws -> Void) async throws {
        let daemon = try ScriptedDaemon(answers)
        defer { daemon.stop() }
        try await body(daemon)
    }

    @Test("a scan needs one connection: submission, stream, findings")
    func oneConnection() async throws {
        let running = Samples.job(progress: Samples.progress)
        let finished = Samples.job(.finished)
        let answers = [
            ScriptedDaemon.document(try Samples.json(Samples.job(.queued))),
            ScriptedDaemon.stream([try Samples.json(running), try Samples.json(finished)]),
            ScriptedDaemon.stream(["{\"a\":1}", "{\"b\":2}"]),
        ]
        try await asking(answers) { daemon in
            let socket = daemon.socket
            let end = try await FollowSession(socket).run { session in
                try await ControlConnection.open(socket) { connection in
                    let job = try await connection.reply(to: .submit(JobRequest(targets: ["10.0.0.1"])), as: Job.self)
                    return try await session.follow(JobReference(id: job.value.id), from: job, on: connection) { final, connection in
                        #expect(final == finished)
                        var lines: [String] = []
                        try await connection.lines(of: .findings(JobReference(id: final.id))) { line in
                            lines.append(String(decoding: line, as: UTF8.self))
                            return true
                        }
                        #expect(lines == ["{\"a\":1}", "{\"b\":2}"])
                        return CommandStatus(of: final)
                    }
                }
            }
            guard case .status(.done) = end else {
                Issue.record("ended as \(end)")
                return
            }
            #expect(daemon.seen.connections == 1)
            #expect(
                daemon.seen.requests == [
                    "POST /v1/jobs HTTP/1.1 {\"targets\":[\"10.0.0.1\"]}", "GET /v1/jobs/7/events HTTP/1.1",
                    "GET /v1/jobs/7/findings HTTP/1.1",
                ])
        }
    }

    @Test("what the daemon refuses comes with its kind and its sentence", arguments: Refusal.Kind.allCases)
    func refusals(kind: Refusal.Kind) async throws {
        let refusal = Refusal(kind, "10.0.0.1 is outside the scope")
        let body = String(decoding: try APICoding.encode(refusal), as: UTF8.self)
        try await asking([ScriptedDaemon.document(body, status: "\(kind.httpStatus) No")]) { daemon in
            await #expect(throws: refusal) {
                try await ControlConnection.open(daemon.socket) { _ = try await $0.reply(to: .status, as: DaemonStatus.self) }
            }
        }
    }

    @Test(
        "an answer that makes no sense is told as such",
        arguments: [
            (ScriptedDaemon.document("", status: "404 Not Found"), CommandStatus.failed), (ScriptedDaemon.document("{}"), .failed),
            (ScriptedDaemon.document("not JSON"), .failed), ("220 mail ready\r\n", .failed),
            // A daemon that goes away: at once, in the head, in the body.
            ("", .unreachable), ("HTTP/1.1 200 OK\r\ncut", .unreachable),
            ("HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n{cut", .unreachable),
        ])
    func nonsense(answer: String, status: CommandStatus) async throws {
        try await asking([answer]) { daemon in
            do {
                try await ControlConnection.open(daemon.socket) { _ = try await $0.reply(to: .status, as: DaemonStatus.self) }
                Issue.record("accepted")
            } catch {
                #expect(CommandStatus(for: error) == status, "\(error)")
            }
        }
    }

    @Test("a reader that wants no more lines ends the stream at once")
    func enough() async throws {
        try await asking([ScriptedDaemon.stream((0..<1000).map { "{\"n\":\($0)}" })]) { daemon in
            let count = try await ControlConnection.open(daemon.socket) { connection in
                var count = 0
                try await connection.lines(of: .findings(JobReference(id: 7))) { _ in
                    count += 1
                    return count < 10
                }
                return count
            }
            #expect(count == 10)
        }
    }
}
