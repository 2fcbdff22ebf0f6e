import GRDB
import Glibc
import Logging
import ScanAPI
import ScanEngine
import ScanService
import ScanTargets
import Testing

@Suite("The store")
struct StoreTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func open() throws -> Store { try Store(directory: directory.file("store")) }

    @Test("Every transaction is durable: synchronous=FULL is what SQLite says")
    func durable() throws {
        #expect(try open().synchronousLevel() == 2)
    }

    @Test("Nobody but root can look into it")
    func permissions() throws {
        let store = try open()
        #expect(directory.mode("store") == 0o700)
        store.close()
        #expect(directory.mode("store/synscan.db").map { $0 & 0o007 } == 0 || directory.mode("store") == 0o700)
    }

    @Test("A second daemon on it is told whose it is")
    func locked() throws {
        let first = try open()
        let error = try #require(throws: ServiceError.self) { try open() }
        #expect(error.message.contains("process \(getpid())"), "\(error)")
        first.close()
    }

    @Test("It is there again after a restart")
    func reopened() throws {
        let id: Int64
        do {
            let store = try open()
            id = try Samples.insertJob(store, name: "n")
            store.close()
        }
        let job = try #require(try open().liveJobs().first?.record)
        #expect(job.id == id && job.name == "n")
    }

    @Test("One that a newer synscan wrote is refused")
    func newer() throws {
        do {
            let store = try open()
            try store.pool.write { try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99 from the future')") }
            store.close()
        }
        let error = try #require(throws: ServiceError.self) { try open() }
        #expect(error.message.contains("newer"), "\(error)")
    }

    @Test("One of the version before goes on: what it knew of a job is known, and lines that had not reached the log reach it")
    func older() throws {
        let lines = "{\"v\":1,\"seq\":1,\"event\":\"a\"}\n{\"v\":1,\"seq\":2,\"event\":\"b\"}\n"
        let job: Int64
        do {
            let store = try open()
            job = try Samples.insertJob(store)
            try store.pool.write { db in
                try db.execute(sql: "ALTER TABLE outbox DROP COLUMN is_packed")
                try db.execute(sql: "DELETE FROM grdb_migrations WHERE identifier LIKE '7 %'")
                try db.execute(sql: "DROP TABLE findings")
                try db.execute(sql: findingsBefore)
                try db.execute(
                    sql: "INSERT INTO findings (job, address, port, time, state, reason) VALUES (?, 0xc6120001, 80, 1, 'open', 'syn-ack')",
                    arguments: [job])
                try db.execute(sql: "INSERT INTO outbox (first_seq, last_seq, lines) VALUES (1, 2, CAST(? AS BLOB))", arguments: [lines])
                try db.execute(sql: "UPDATE log SET seq = 2, marked_seq = 0, inode = 1, device = 1, offset = 0, tail = x''")
            }
            store.close()
        }
        let store = try open()
        let recorder = try Recorder(
            store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter, logger: .init(label: "test"))
        recorder.sink(job: job, name: nil).deliver([Samples.observation(1), Samples.observation(2)])
        recorder.stop()
        let log = try #require(directory.text("log"))
        #expect(log.hasPrefix(lines) && log.dropFirst(lines.count).hasPrefix("{\"v\":1,\"seq\":3,"))
        #expect(log.split(separator: "\n").count == 3, "one finding was known")
        #expect(try store.pool.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") } == ["ok"])
        #expect(try store.pool.read { try Row.fetchAll($0, sql: "PRAGMA foreign_key_list(findings)").isEmpty })
    }

    private let findingsBefore = """
        CREATE TABLE findings (
            id INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE, address ANY NOT NULL, port INTEGER NOT NULL,
            time INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, ttl INTEGER, rtt INTEGER, window INTEGER, mss INTEGER,
            attempt INTEGER, interface TEXT, conflict TEXT) STRICT;
        CREATE UNIQUE INDEX findings_targets ON findings (job, address, port);
        """

    @Test("One that is no database is told, not overwritten")
    func damaged() throws {
        let store = try TemporaryDirectory()
        try store.write(String(repeating: "no database ", count: 1000), to: "synscan.db")
        let error = try #require(throws: ServiceError.self) { try Store(directory: store.path) }
        #expect(error.message.contains("synscan.db"), "\(error)")
        #expect(store.text("synscan.db")?.hasPrefix("no database") == true)
    }

    @Test("A job comes back as it went in")
    func jobs() async throws {
        let store = try open()
        var record = Samples.record(name: "web")
        record.key = .random()
        record.priority = .high
        record.deadline = Timestamp(microseconds: 2_000_000_000_000_000)
        let (new, selection) = (record, Samples.selection)
        record = try await store.pool.write { db in
            var record = new
            try record.insert(selection, db)
            record.state = .running
            record.reason = "because"
            record.sourcePort = 61_016
            record.started = Timestamp(microseconds: 5)
            record.deaths = 2
            record.priority = .low
            record.rate = 77
            record.account.open = 3
            record.account.seconds = 0.25
            try record.update(db)
            return record
        }
        #expect(try store.liveJobs().map(\.record) == [record])
        #expect(try await store.job(.name("web")) == record)
        #expect(try await store.job(.id(record.id)) == record)
        #expect(try await store.job(.id(99)) == nil)
        #expect(try store.selection(of: record.id) == selection)
        let resume = try store.resumePoint(of: record.id)
        #expect(resume.checkpoint == nil && resume.answered.isEmpty)
        #expect(try await store.jobCounts() == ["running": 1])
    }

    @Test("Two unfinished jobs cannot have the same name; a finished one gives it free")
    func names() async throws {
        let store = try open()
        let first = try Samples.insertJob(store, name: "web")
        let error = try #require(throws: Refusal.self) { try Samples.insertJob(store, name: "web") }
        #expect(error.kind == .conflict && error.message.contains("web"))
        try await store.pool.write { try $0.execute(sql: "UPDATE jobs SET state = 'finished' WHERE id = ?", arguments: [first]) }
        let second = try Samples.insertJob(store, name: "web")
        #expect(try await store.job(.name("web"))?.id == second)
        #expect(try store.liveJobs().map(\.record.id) == [second])
    }

    @Test("The latest jobs are listed, oldest first")
    func list() async throws {
        let store = try open()
        for _ in 0..<5 { _ = try Samples.insertJob(store) }
        #expect(try await store.latestJobs(3).map(\.id) == [3, 4, 5])
    }

    @Test("Findings come in the order of their addresses, IPv4 first, page by page")
    func findings() async throws {
        let store = try open()
        let job = try Samples.insertJob(store)
        let texts = ["2001:db8::1", "10.0.0.1", "::1", "255.255.255.255", "9.255.255.255", "ffff::"]
        let observations = texts.flatMap { text in
            [UInt16(443), 80].map { port in
                Observation(time: 1, address: IPAddress(text) ?? IPAddress(v4: 0), port: port, state: .open, reason: .synAck)
            }
        }
        let recorder = try Recorder(
            store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter, logger: .init(label: "test"))
        recorder.sink(job: job, name: nil).deliver(observations)
        recorder.stop()
        var pages: [[StoredFinding]] = []
        var last: Endpoint?
        repeat {
            let page = try await store.findings(of: job, after: last, limit: 5)
            last = page.last?.endpoint
            pages.append(page)
        } while last != nil
        #expect(pages.map(\.count) == [5, 5, 2, 0])
        let endpoints = pages.joined().map(\.endpoint)
        #expect(endpoints == observations.map { Endpoint(address: $0.address, port: $0.port) }.sorted())
    }

    @Test(
        "A reference is an id or a name",
        arguments: [
            ("1", JobReference.id(1)), ("9223372036854775807", .id(.max)), ("web-1.a_B", .name("web-1.a_B")), ("0x1", .name("0x1")),
            ("0", nil), ("9223372036854775808", nil), ("", nil), ("..", nil), (".", nil), ("a b", nil), ("a/b", nil), ("ä", nil),
            (String(repeating: "a", count: 64), .name(String(repeating: "a", count: 64))), (String(repeating: "a", count: 65), nil),
        ])
    func references(text: String, expected: JobReference?) {
        #expect(JobReference(text) == expected)
    }
}
