import GRDB
import Glibc
import Logging
import ScanAPI
import ScanCore
import ScanEngine
import ScanService
import ScanTargets
import Synchronization
import Testing

@Suite("The recorder: every finding once in the store and once in the log")
struct RecorderTests {
    private let directory: TemporaryDirectory
    private let store: Store
    private let job: Int64

    init() throws {
        directory = try TemporaryDirectory()
        store = try Store(directory: directory.file("store"))
        job = try Samples.insertJob(store, name: "j")
    }

    private func recorder() throws -> Recorder {
        try Recorder(
            store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func seqs(_ text: String?) -> [Int64] {
        (text ?? "").split(separator: "\n").compactMap { line in
            Int64(line.dropFirst("{\"v\":1,\"seq\":".count).prefix { $0.isNumber })
        }
    }

    private func line(_ event: JobLine.Event) -> JobLine {
        JobLine(event, time: Timestamp(microseconds: 1), job: job, name: "j")
    }

    @Test("Findings are stored and logged in the order they came, and a repeated one is passed over")
    func once() async throws {
        let recorder = try recorder()
        let sink = recorder.sink(job: job, name: "j")
        sink.interfaces = ["eth0"]
        sink.deliver([Samples.observation(3), Samples.observation(1), Samples.observation(3, state: .closed)])
        sink.deliver([Samples.observation(1), Samples.observation(2)])
        recorder.stop()
        let text = try #require(directory.text("log"))
        #expect(seqs(text) == [1, 2, 3])
        #expect(text.split(separator: "\n").map { $0.contains("\"state\":\"open\"") } == [true, true, true])
        let stored = try await store.findings(of: job, after: nil, limit: 10)
        #expect(stored.map(\.endpoint.address.value) == [0xc612_0001, 0xc612_0002, 0xc612_0003])
        #expect(stored.allSatisfy { $0.state == .open })
    }

    @Test("Among many at once each is recorded once, wherever the same target comes again, in any family and of any job")
    func onceAmongMany() async throws {
        let recorder = try recorder()
        let other = try Samples.insertJob(store)
        let sinks = [recorder.sink(job: job, name: "j"), recorder.sink(job: other, name: nil)]
        // An IPv6 address with the number of an IPv4 address is another target.
        let all = (0..<300).flatMap { (number: UInt32) in
            var observation = Samples.observation(number * 7919 % 300)
            let first = observation
            observation.address = IPAddress(v6: observation.address.value)
            return [first, observation]
        }
        for (sink, batch) in [(0, all[..<100]), (1, all[..<250]), (0, all[50...]), (1, all[...]), (0, all[..<500])] {
            sinks[sink].deliver(Array(batch) + batch.prefix(7))
        }
        recorder.stop()
        #expect(seqs(directory.text("log")) == Array(1...1200))
        let logged = (directory.text("log") ?? "").split(separator: "\n").map { $0.firstMatch(of: /"job".*"port":/).map { String($0.0) } }
        #expect(Set(logged).count == 1200)
        #expect(try await store.findings(of: job, after: nil, limit: 1000).count == 600)
        #expect(try await store.findings(of: other, after: nil, limit: 1000).count == 600)
    }

    private func events(_ text: String?) -> [String] {
        (text ?? "").split(separator: "\n").compactMap { $0.firstMatch(of: /"event":"([a-z.]+)"/).map { String($0.1) } }
    }

    @Test("A contradiction is kept on its finding and logged once; where the finding was not recorded it is now")
    func conflicts() async throws {
        let recorder = try recorder()
        let sink = recorder.sink(job: job, name: "j")
        var (known, unknown) = (Samples.observation(1), Samples.observation(2, state: .closed))
        sink.deliver([known])
        known.conflict = .init(reason: .reset, ttl: 57)
        unknown.conflict = .init(reason: .synAck, ttl: 9)
        sink.deliver([known, unknown])
        known.conflict = .init(reason: .synAck, ttl: 1)
        sink.deliver([known])
        recorder.stop()
        #expect(events(directory.text("log")) == ["port", "conflict", "port"])
        let stored = try await store.findings(of: job, after: nil, limit: 10)
        #expect(stored.map(\.conflict) == ["reset ttl 57", "syn-ack ttl 9"] && stored.map(\.state) == [.open, .closed])
    }

    @Test("An answer takes the place of an error that was stored, once, also in one transaction, and comes after every checkpoint")
    func overruling() async throws {
        let recorder = try recorder()
        let sink = recorder.sink(job: job, name: "j")
        func refused(_ number: UInt32) -> Observation {
            var observation = Samples.observation(number, state: .filtered)
            (observation.reason, observation.ttl, observation.attempt) = (.hostUnreachable, 61, 0)
            return observation
        }
        func open(_ number: UInt32) -> Observation {
            var observation = Samples.observation(number)
            (observation.attempt, observation.conflict) = (1, .init(reason: .timeExceeded, ttl: 9))
            return observation
        }
        // Stored before; in one transaction; never stored; silence.
        var silent = refused(5)
        (silent.reason, silent.ttl, silent.attempt) = (.noResponse, nil, nil)
        sink.deliver([refused(1), refused(3), silent])
        let before = try await recorder.perform { ((try Int64.fetchOne($0, sql: "SELECT max(id) FROM findings") ?? 0), []) }
        sink.deliver([refused(2), open(2), open(1), open(4), refused(1), open(1), refused(2)])
        var late = open(5)
        late.conflict = nil
        sink.deliver([open(1), late])
        recorder.stop()
        let lines = try #require(directory.text("log")).split(separator: "\n")
        #expect(events(directory.text("log")) == Array(repeating: "port", count: 8) && seqs(directory.text("log")) == Array(1...8))
        #expect(lines.map { $0.contains(#""state":"filtered""#) } == [true, true, true, true, false, false, false, false])
        let stored = try await store.findings(of: job, after: nil, limit: 10)
        #expect(stored.map(\.state) == [.open, .open, .filtered, .open, .open])
        #expect(stored.map(\.conflict) == ["host-unreach ttl 61", "host-unreach ttl 61", nil, "time-exceeded ttl 9", nil])
        // A run that goes on from a checkpoint of that moment hears of each.
        let since = try await store.pool.read {
            try Int64.fetchOne($0, sql: "SELECT count(*) FROM findings WHERE id > ?", arguments: [before])
        }
        #expect(since == 4)
    }

    @Test("What is known of a host is stored and logged once, and a run that goes on knows it")
    func hosts() async throws {
        let recorder = try recorder()
        let sink = recorder.sink(job: job, name: "j")
        var flooded = HostObservation(time: 1, address: IPAddress(v4: 0xc612_0002), state: .answersEverything, reason: .synAck)
        flooded.flood = .init(openPorts: 300, sampled: 64, sampledOpen: 63)
        let up = HostObservation(time: 1, address: IPAddress(v4: 0xc612_0001), state: .up, reason: .reset)
        let down = HostObservation(time: 1, address: IPAddress(v4: 0xc612_0003), state: .down, reason: .noResponse)
        sink.deliver([Samples.observation(1)])
        sink.deliver([up, flooded, up])
        sink.deliver([flooded, down])
        recorder.stop()
        #expect(events(directory.text("log")).sorted() == ["host", "host", "host", "port"])
        #expect(try await store.hosts(of: job, after: nil, limit: 2).map(\.state) == ["up", "answers-everything"])
        let second = try #require(try await store.hosts(of: job, after: nil, limit: 2).last)
        #expect(second.openPorts == 300 && second.sampledOpen == 63)
        #expect(try await store.hosts(of: job, after: second, limit: 2).map(\.state) == ["down"])
        let known = try store.resumePoint(of: job).hosts
        #expect(known.up == [up.address] && known.flooded == [flooded.address])
    }

    @Test("The log is readable for its group and not for others, and never reached through a symbolic link")
    func file() throws {
        try recorder().stop()
        #expect(directory.mode("log") == 0o640)
        unlink(directory.file("log"))
        symlink("/dev/null", directory.file("log"))
        #expect(throws: ServiceError.self) { try recorder() }
    }

    @Test("A log that is a directory or a pipe is refused")
    func noFile() throws {
        mkdir(directory.file("log"), 0o700)
        #expect(throws: ServiceError.self) { try recorder() }
        rmdir(directory.file("log"))
        mkfifo(directory.file("log"), 0o600)
        #expect(throws: ServiceError.self) { try recorder() }
    }

    @Test("A change comes after the findings before it, and is durable and logged when it is answered")
    func change() async throws {
        let recorder = try recorder()
        recorder.sink(job: job, name: nil).deliver((0..<1000).map { Samples.observation($0) })
        let job = job
        let line = line(.finished)
        let count = try await recorder.perform { db in
            try db.execute(sql: "UPDATE jobs SET state = 'finished' WHERE id = ?", arguments: [job])
            return (try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM findings"), [line])
        }
        #expect(count == 1000)
        let text = try #require(directory.text("log"))
        #expect(seqs(text) == Array(1...1001))
        #expect(text.contains("\"seq\":1001,") && text.split(separator: "\n").last?.contains("job.finished") == true)
        recorder.stop()
    }

    @Test("A change that fails leaves nothing, and the others happen")
    func failedChange() async throws {
        let recorder = try recorder()
        let line = line(.queued)
        await #expect(throws: Refusal.self) {
            try await recorder.perform { db in
                try db.execute(sql: "UPDATE jobs SET reason = 'half'")
                if db.isInsideTransaction { throw Refusal(.conflict, "no") }
                return ((), [line])
            }
        }
        try await recorder.perform { _ in ((), [line]) }
        recorder.stop()
        #expect(seqs(directory.text("log")) == [1])
        #expect(try store.liveJobs().first?.record.reason == nil)
    }

    @Test("After it has stopped it takes nothing more, and says so")
    func stopped() async throws {
        let recorder = try recorder()
        recorder.stop()
        let error = await #expect(throws: Refusal.self) { try await recorder.perform { _ in ((), []) } }
        #expect(error?.kind == .unavailable)
    }

    @Test("Numbers go on after a restart")
    func restart() throws {
        for round in 0..<3 {
            let recorder = try recorder()
            recorder.sink(job: job, name: nil).deliver((0..<5).map { Samples.observation(UInt32(round * 5 + $0)) })
            recorder.stop()
        }
        #expect(seqs(directory.text("log")) == Array(1...15))
    }

    @Test("A producer is told to pause when the recorder cannot follow, and then goes on")
    func pressure() throws {
        let recorder = try recorder()
        let sink = recorder.sink(job: job, name: nil)
        let unlocked = Gate()
        recorder.submit(
            RecordChange(
                isKept: true,
                apply: { _ in
                    unlocked.wait()
                    return []
                }, done: { _ in }))
        #expect(!sink.isFull)
        for batch in 0..<140 { sink.deliver((0..<1000).map { Samples.observation(UInt32(batch * 1000 + $0)) }) }
        #expect(sink.isFull)
        unlocked.open()
        recorder.stop()
        #expect(!sink.isFull)
        #expect(seqs(directory.text("log")).count == 140_000)
    }

    @Test("A log that has been renamed is safe when the new one is begun, and every line is in one of them")
    func reopened() async throws {
        let recorder = try recorder()
        let sink = recorder.sink(job: job, name: nil)
        sink.deliver((0..<100).map { Samples.observation($0) })
        rename(directory.file("log"), directory.file("log.1"))
        sink.deliver((100..<200).map { Samples.observation($0) })
        try await recorder.reopen()
        #expect(seqs(directory.text("log.1")) == Array(1...200) && directory.text("log") == "")
        #expect(try await store.pool.read { try LogTable.marks($0).first?.seq } == 200)
        sink.deliver((200..<300).map { Samples.observation($0) })
        // One that has not been renamed just goes on.
        try await recorder.reopen()
        recorder.stop()
        #expect(seqs(directory.text("log")) == Array(201...300))
        #expect(directory.mode("log") == 0o640)
    }

    @Test("Where the new log cannot be had the old one goes on")
    func notReopened() async throws {
        let recorder = try recorder()
        let sink = recorder.sink(job: job, name: nil)
        rename(directory.file("log"), directory.file("log.1"))
        mkdir(directory.file("log"), 0o700)
        await #expect(throws: ServiceError.self) { try await recorder.reopen() }
        sink.deliver([Samples.observation(1)])
        recorder.stop()
        #expect(seqs(directory.text("log.1")) == [1])
    }

    @Test("While too little space is left producers are told to pause and why, and then they go on")
    func minimumFree() async throws {
        let least = Atomic<Int64>(.max)
        let recorder = try Recorder(
            store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter,
            minFree: { least.load(ordering: .relaxed) }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let sink = recorder.sink(job: job, name: nil)
        for _ in 0..<500 where recorder.obstacles.obstacle == nil { try await Task.sleep(for: .milliseconds(10)) }
        #expect(sink.isFull && recorder.obstacles.obstacle?.hasPrefix("no space for results (") == true)
        // What comes all the same is not lost.
        sink.deliver([Samples.observation(1)])
        least.store(0, ordering: .relaxed)
        for _ in 0..<500 where sink.isFull { try await Task.sleep(for: .milliseconds(10)) }
        #expect(!sink.isFull && recorder.obstacles.obstacle == nil)
        recorder.stop()
        #expect(seqs(directory.text("log")) == [1])
    }

    @Test("A log that others began is gone on with, on a line of its own")
    func foreignBeginning() throws {
        try directory.write("somebody's words without an end", to: "log")
        let recorder = try recorder()
        recorder.sink(job: job, name: nil).deliver([Samples.observation(1)])
        recorder.stop()
        let text = try #require(directory.text("log"))
        #expect(text.hasPrefix("somebody's words without an end\n{\"v\":1,\"seq\":1,"))
        // And again, with that as the known beginning.
        try self.recorder().stop()
        #expect(directory.text("log") == text)
    }
}
