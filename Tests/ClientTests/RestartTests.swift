import ScanAPI
import ScanClient
import Synchronization
import Testing

@Suite("Following a job over restarts of the daemon", .serialized, .timeLimit(.minutes(1)))
struct RestartTests {
    /// Shorter than people have it.
    private static let quick = Patience(interval: .milliseconds(10), limit: .seconds(20))

    /// Counts how often the daemon was told gone.
    private final class Counter: Sendable {
        private let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
        func add() { count.withLock { $0 += 1 } }
    }

    /// A stream that breaks off after the job's present state: within a chunk, or with a clean end.
    private static func brokenStream(isCut: Bool = true) throws -> String {
        let line = try Samples.json(Samples.job(progress: Samples.progress))
        return isCut ? ScriptedDaemon.cutStream([line]) : ScriptedDaemon.stream([line], isLast: true)
    }

    private static func wholeStream(_ state: JobState = .finished) throws -> String {
        ScriptedDaemon.stream([try Samples.json(Samples.job(progress: Samples.progress)), try Samples.json(Samples.job(state))])
    }

    private static func refused(_ kind: Refusal.Kind) throws -> String {
        ScriptedDaemon.document(try Samples.json(Refusal(kind, "no")), status: "\(kind.httpStatus) No")
    }

    @Test("the stream goes on with the job's number, and the findings come over the new connection", arguments: [true, false])
    func goesOn(isCut: Bool) async throws {
        let daemon = try ScriptedDaemon([try Self.brokenStream(isCut: isCut), try Self.wholeStream(), ScriptedDaemon.stream(["{\"a\":1}"])])
        defer { daemon.stop() }
        let gone = Counter()
        var states: [JobState] = []
        let reference = try #require(JobReference("office"))
        let lines = try await ControlConnection.open(daemon.socket) { connection in
            try await JobFeed(daemon.socket, patience: Self.quick).follow(
                reference, on: connection, each: { _, job in states.append(job.state) }, gone: gone.add,
                then: { final, connection in
                    var lines: [String] = []
                    try await connection.lines(of: .findings(JobReference(id: final.id))) { line in
                        lines.append(String(decoding: line, as: UTF8.self))
                        return true
                    }
                    return lines
                })
        }
        #expect(lines == ["{\"a\":1}"])
        #expect(states == [.running, .running, .finished])
        #expect(gone.value == 1)
        let requests = daemon.seen.requests
        #expect(requests.first == "GET /v1/jobs/office/events HTTP/1.1")
        #expect(requests.dropFirst() == ["GET /v1/jobs/7/events HTTP/1.1", "GET /v1/jobs/7/findings HTTP/1.1"])
    }

    @Test("a daemon that is away for a while is told gone once")
    func away() async throws {
        let first = try ScriptedDaemon([try Self.brokenStream()])
        let socket = first.socket
        let gone = Counter()
        var restart: Task<ScriptedDaemon, any Error>?
        let state = try await ControlConnection.open(socket) { connection in
            try await JobFeed(socket, patience: Self.quick).follow(
                JobReference(id: 7), on: connection, each: { _, _ in },
                gone: {
                    gone.add()
                    first.stop()
                    restart = Task {
                        try await Task.sleep(for: .milliseconds(200))
                        // Its socket is there before it takes requests.
                        return try ScriptedDaemon([try Self.refused(.unavailable), try Self.wholeStream(.failed)], at: socket)
                    }
                },
                then: { final, _ in final.state })
        }
        try await restart?.value.stop()
        #expect(state == .failed)
        #expect(gone.value == 1)
    }

    @Test("each restart is told, and each has all the time")
    func twice() async throws {
        let daemon = try ScriptedDaemon([
            try Self.brokenStream(), try Self.brokenStream(), try Self.brokenStream(isCut: false), try Self.wholeStream(),
        ])
        defer { daemon.stop() }
        let gone = Counter()
        let state = try await JobFeed(daemon.socket, patience: Self.quick).follow(
            JobReference(id: 7), each: { _, _ in }, gone: gone.add, then: { final, _ in final.state })
        #expect(state == .finished)
        #expect(gone.value == 3)
    }

    @Test("a job that ended while its stream broke off is asked for again, for its findings")
    func cutAtTheEnd() async throws {
        let cut = ScriptedDaemon.cutStream([try Samples.json(Samples.job()), try Samples.json(Samples.job(.finished))])
        let daemon = try ScriptedDaemon([cut, ScriptedDaemon.stream([try Samples.json(Samples.job(.finished))])])
        defer { daemon.stop() }
        let state = try await JobFeed(daemon.socket, patience: Self.quick).follow(
            JobReference(id: 7), each: { _, _ in }, then: { final, _ in final.state })
        #expect(state == .finished)
        #expect(daemon.seen.connections == 2)
    }

    @Test("a daemon that does not come back: exit code 4 after a while, and how to come back")
    func never() async throws {
        let daemon = try ScriptedDaemon([try Self.brokenStream()])
        let patience = Patience(interval: .milliseconds(10), limit: .milliseconds(200))
        let start = ContinuousClock.now
        let gone = Counter()
        let error = await #expect(throws: ClientError.self) {
            try await JobFeed(daemon.socket, patience: patience).follow(
                JobReference(id: 7), each: { _, _ in },
                gone: {
                    gone.add()
                    daemon.stop()
                }, then: { _, _ in })
        }
        #expect(ContinuousClock.now - start >= patience.limit)
        #expect(gone.value == 1)
        #expect(error.map { CommandStatus(for: $0) } == .unreachable)
        #expect(error?.description.hasSuffix("come back with: synscan follow 7") == true)
    }

    @Test("a follower keeps trying five times a second for a minute")
    func patience() {
        #expect(Patience.standard.interval == .milliseconds(200))
        #expect(Patience.standard.limit == .seconds(60))
    }

    @Test("a submitted job is waited for, even when nothing was heard of it since")
    func submitted() async throws {
        let daemon = try ScriptedDaemon(["", try Self.wholeStream()])
        defer { daemon.stop() }
        let state = try await JobFeed(daemon.socket, patience: Self.quick).follow(
            JobReference(id: 7), from: Samples.job(.queued), each: { _, _ in }, then: { final, _ in final.state })
        #expect(state == .finished)
    }

    @Test(
        "without a sign of life of the job there is nothing to wait for",
        arguments: [("", CommandStatus.unreachable), (nil, .unreachable)] as [(String?, CommandStatus)])
    func notThere(answer: String?, status: CommandStatus) async throws {
        let daemon = try ScriptedDaemon(answer.map { [$0] } ?? [])
        if answer == nil { daemon.stop() }
        defer { daemon.stop() }
        let gone = Counter()
        let start = ContinuousClock.now
        do {
            try await JobFeed(daemon.socket).follow(JobReference(id: 7), each: { _, _ in }, gone: gone.add, then: { _, _ in })
            Issue.record("ended well")
        } catch {
            #expect(CommandStatus(for: error) == status)
        }
        #expect(gone.value == 0)
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test("a daemon that is back and says no is believed")
    func refusals() async throws {
        let daemon = try ScriptedDaemon([try Self.brokenStream(), try Self.refused(.notFound)])
        defer { daemon.stop() }
        await #expect(throws: Refusal(.notFound, "no")) {
            try await JobFeed(daemon.socket, patience: Self.quick).follow(JobReference(id: 7), each: { _, _ in }, then: { _, _ in })
        }
    }

    @Test("findings that break off are not printed twice: that is an error as before")
    func brokenFindings() async throws {
        let daemon = try ScriptedDaemon([try Self.wholeStream(), ScriptedDaemon.cutStream(["{\"a\":1}"])])
        defer { daemon.stop() }
        do {
            try await JobFeed(daemon.socket, patience: Self.quick).follow(
                JobReference(id: 7), each: { _, _ in },
                then: { final, connection in try await connection.lines(of: .findings(JobReference(id: final.id))) { _ in true } })
            Issue.record("ended well")
        } catch {
            #expect(CommandStatus(for: error) == .unreachable)
        }
        #expect(daemon.seen.requests.count == 2)
    }

    @Test("who waits for the daemon can leave at once, as Ctrl-C does")
    func leaving() async throws {
        let daemon = try ScriptedDaemon([try Self.brokenStream()])
        let socket = daemon.socket
        let (signals, signal) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await JobFeed(socket).follow(
                JobReference(id: 7), each: { _, _ in },
                gone: {
                    daemon.stop()
                    signal.finish()
                }, then: { _, _ in })
        }
        for await _ in signals {}
        let start = ContinuousClock.now
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(ContinuousClock.now - start < .seconds(5))
    }
}
