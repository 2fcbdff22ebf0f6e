import FoundationEssentials
import GRDB
import Glibc
import Logging
import ScanAPI
import ScanCore
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
        #expect(try Samples.synchronousLevel(of: open()) == 2)
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
                // And those that change the same tables later.
                try db.execute(
                    sql: "DELETE FROM grdb_migrations WHERE identifier LIKE '7 %' OR identifier LIKE '12 %' OR identifier LIKE '13 %'")
                try db.execute(sql: "DROP TABLE marks")
                try db.execute(sql: "DROP TABLE log")
                try db.execute(
                    sql: """
                        CREATE TABLE log (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, device INTEGER, inode INTEGER,
                            offset INTEGER, marked_seq INTEGER, tail BLOB) STRICT
                        """)
                try db.execute(sql: "DROP TABLE findings")
                try db.execute(sql: findingsBefore)
                try db.execute(
                    sql: "INSERT INTO findings (job, address, port, time, state, reason) VALUES (?, 0xc6120001, 80, 1, 'open', 'syn-ack')",
                    arguments: [job])
                try db.execute(sql: "INSERT INTO outbox (first_seq, last_seq, lines) VALUES (1, 2, CAST(? AS BLOB))", arguments: [lines])
                try db.execute(sql: "INSERT INTO log VALUES (1, 2, 1, 1, 0, 0, x'')")
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

    @Test("Two unfinished jobs of a user cannot have the same name; a finished one gives it free")
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

    @Test("A name is each user's own: one's own job is meant before those of others, and of several others none by chance")
    func namesOfOthers() async throws {
        let store = try open()
        let (own, others) = (try Samples.insertJob(store, name: "web", uid: 0), try Samples.insertJob(store, name: "web", uid: 1000))
        #expect(try await store.job(.name("web"), for: 0)?.id == own)
        #expect(try await store.job(.name("web"), for: 1000)?.id == others)
        #expect(try await store.job(.owned(uid: 1000, name: "web"), for: 0)?.id == others)
        #expect(try await store.job(.owned(uid: 1001, name: "web"), for: 0) == nil)
        let refusal = try #require(await #expect(throws: Refusal.self) { try await store.job(.name("web"), for: 1001) })
        #expect(refusal.kind == .conflict && refusal.message.contains("Users 0 and 1000") && refusal.message.contains("0/web"))
        try await store.pool.write { try $0.execute(sql: "UPDATE jobs SET deleted = 1 WHERE id = ?", arguments: [own]) }
        #expect(try await store.job(.name("web"), for: 1001)?.id == others)
        #expect(try await store.job(.name("web"), for: 0)?.id == others)
    }

    @Test("A store of any version becomes one in which names are each user's own, and nothing of a job is lost", arguments: 1...9)
    func migrates(version: Int) async throws {
        let directory = try TemporaryDirectory()
        #expect(mkdir(directory.file("store"), 0o700) == 0)
        let key = ScanKey.random()
        do {
            let migrator = Schema.migrator
            let last = try #require(migrator.migrations.first { $0.hasPrefix("\(version) ") })
            let pool = try DatabasePool(path: directory.file("store/synscan.db"))
            try migrator.migrate(pool, upTo: last)
            try await pool.write { db in
                for (id, name, uid, state) in [(1, "web", 1000, "running"), (2, "web", 1001, "finished"), (3, "old", 1000, "cancelled")] {
                    try db.execute(
                        sql: """
                            INSERT INTO jobs (id, name, state, targets, key, rate, retries, tcp_options, states, uid, pid, groups, submitted, account)
                            VALUES (?, ?, ?, '["198.18.0.0/24"]', ?, 100, 2, 'mss', '["open"]', ?, 7, '[4]', 1, ?)
                            """,
                        arguments: [
                            id, name, state, Data(key.bytes), uid, String(decoding: try APICoding.encode(Account()), as: UTF8.self),
                        ])
                    try db.execute(
                        sql: "INSERT INTO selections (job, encoded) VALUES (?, ?)", arguments: [id, "v1;198.18.0.0/24;80;198.18.0.1=81"])
                }
            }
            try pool.close()
        }
        let store = try Store(directory: directory.file("store"))
        #expect(try store.liveJobs().map(\.record.name) == ["web"])
        #expect(try store.selection(of: 1).targetCount == 257)
        #expect(try await store.job(.name("web"), for: 1000)?.id == 1)
        let live = try Samples.insertJob(store, name: "web", uid: 1001)
        #expect(try await store.job(.owned(uid: 1001, name: "web"))?.id == live)
        #expect(throws: Refusal.self) { try Samples.insertJob(store, name: "web", uid: 1000) }
        let sizes = try await store.pool.read { try Int64.fetchAll($0, sql: "SELECT selection_bytes FROM jobs WHERE id < 4 ORDER BY id") }
        #expect(sizes == [33, 33, 0], "that of a job that was cancelled before it ran has gone")
        #expect(try await store.pool.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") } == ["ok"])
        store.close()
    }

    @Test("What a job was to scan goes when it is cancelled before it ran, and stays else")
    func selections() async throws {
        let store = try open()
        let (waiting, ran) = (try Samples.insertJob(store), try Samples.insertJob(store))
        try await store.pool.write { db in
            for id in [waiting, ran] {
                var record = try #require(try JobRecord.fetchOne(db, sql: "SELECT * FROM jobs WHERE id = ?", arguments: [id]))
                record.state = .cancelled
                record.started = id == ran ? Timestamp(microseconds: 5) : nil
                try record.update(db)
            }
        }
        #expect(throws: ServiceError.self) { try store.selection(of: waiting) }
        #expect(try store.selection(of: ran) == Samples.selection)
        #expect(try await store.holdings().map { $0.bytes > 2048 } == [false, true])
    }

    @Test("A user's jobs that are not over take half of the store at most")
    func shareOfWhatWaits() async throws {
        let store = try open()
        let bytes = Int64(Samples.selection.encoded.utf8.count)
        func insert(_ uid: UInt32) async throws {
            try await store.pool.write { db in
                var record = Samples.record(uid: uid)
                try record.insert(Samples.selection, db)
                try record.checkShare(of: 2 * bytes, db)
            }
        }
        for _ in 0..<2 { try await insert(1000) }
        let refusal = try #require(await #expect(throws: Refusal.self) { try await insert(1000) })
        #expect(refusal.kind == .limit && refusal.message.contains("max_size"))
        try await insert(1001)
        #expect(try await store.latestJobs(10).count == 3)
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
            ("1000%2Foffice", .owned(uid: 1000, name: "office")), ("0%2foffice", .owned(uid: 0, name: "office")), ("%2Foffice", nil),
            ("-1%2Foffice", nil), ("4294967296%2Foffice", nil), ("alice%2Foffice", nil), ("1%2F7", nil), ("1%2F", nil), ("1%2F..", nil),
            ("1%2Fa%2Fb", nil),
            ("0", nil), ("9223372036854775808", nil), ("", nil), ("..", nil), (".", nil), ("a b", nil), ("a/b", nil), ("ä", nil),
            (String(repeating: "a", count: 64), .name(String(repeating: "a", count: 64))), (String(repeating: "a", count: 65), nil),
        ])
    func references(text: String, expected: JobReference?) {
        #expect(JobReference(text) == expected)
    }
}
