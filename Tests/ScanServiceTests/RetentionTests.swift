import GRDB
import Logging
import PacketIO
import ScanAPI
import ScanCore
import ScanService
import Testing

@Suite("What is kept, and how long")
struct RetentionTests {
    private let directory: TemporaryDirectory
    private let store: Store
    private let recorder: Recorder

    init() throws {
        directory = try TemporaryDirectory()
        store = try Store(directory: directory.file("store"))
        recorder = try Recorder(
            store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter, logger: Logger(label: "test"))
    }

    private func prune(_ other: Recorder? = nil, _ change: (inout ScanService.Configuration) -> Void = { _ in }) async {
        var configuration = ScanService.Configuration()
        change(&configuration)
        await Retention(settings: Settings(configuration), store: store, recorder: other ?? recorder, logger: Logger(label: "test")).prune()
    }

    /// A job that ended `days` ago, nil for one that runs, with findings.
    private func job(ended days: Int64?, findings: Int, uid: UInt32 = 1000) async throws -> Int64 {
        let id = try Samples.insertJob(store, uid: uid)
        recorder.sink(job: id, name: nil).deliver((0..<findings).map { Samples.observation(UInt32($0)) })
        let host = HostObservation(time: 1, address: Samples.observation(1).address, state: .up, reason: .synAck)
        recorder.sink(job: id, name: nil).deliver([host])
        let time = days.map { WallClock.microseconds() - $0 * 86_400_000_000 }
        try await recorder.perform { db in
            try db.execute(
                sql: "UPDATE jobs SET state = ?, finished = ?, account = json_set(account, '$.open', ?) WHERE id = ?",
                arguments: [time == nil ? "running" : "finished", time, findings, id])
            return ((), [])
        }
        return id
    }

    private func counts() async throws -> [Int64: Int] {
        try await store.pool.read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT jobs.id, COUNT(findings.id) FROM jobs LEFT JOIN findings ON job = jobs.id GROUP BY jobs.id")
            return Dictionary(rows.map { ($0[0], $0[1]) }) { $1 }
        }
    }

    @Test("Jobs that ended long ago go with their findings; later ones and those that are not over stay")
    func age() async throws {
        let old = try await job(ended: 91, findings: 25_000)
        let (young, live) = (try await job(ended: 89, findings: 3), try await job(ended: nil, findings: 4))
        await prune()
        #expect(try await counts() == [young: 3, live: 4], "\(old) is there still")
        let hosts = try await store.pool.read { try Int64.fetchAll($0, sql: "SELECT job FROM hosts ORDER BY job") }
        #expect(hosts == [young, live])
        recorder.stop()
    }

    @Test("A store that is too large loses its oldest finished jobs, no others, and its file shrinks")
    func size() async throws {
        var jobs: [Int64] = []
        for age in [30, 40, 20] as [Int64] { jobs.append(try await job(ended: age, findings: 60_000)) }
        let live = try await job(ended: nil, findings: 60_000)
        // What the log has taken stands in the store no more.
        recorder.stop()
        let used = try await store.usedBytes()
        let next = try Recorder(
            store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter, logger: Logger(label: "test"))
        await prune(next) { $0.store.maxSize = used / 2 }
        let kept = try await counts()
        #expect(kept[live] == 60_000 && kept[jobs[1]] == nil, "of \(used) bytes; kept are \(kept)")
        try await store.pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        #expect(try #require(directory.size("store/synscan.db")) < used * 3 / 4)
        next.stop()
    }

    @Test("Whoever takes most of the store makes room: the oldest first, and others' jobs stay however old they are")
    func shares() {
        func holding(_ job: Int64, _ uid: UInt32, _ finished: Int64?, _ bytes: Int64) -> Holding {
            Holding(job: job, uid: uid, finished: finished, bytes: bytes)
        }
        let shares = StoreShares([
            holding(1, 0, 10, 30), holding(2, 1000, 40, 20), holding(3, 1000, 30, 20), holding(4, 1000, 50, 20), holding(5, 1001, nil, 500),
        ])
        #expect(shares.leaving(0) == [])
        #expect(shares.leaving(1) == [3])
        #expect(shares.leaving(21) == [3, 2])
        #expect(shares.leaving(41) == [3, 2, 1], "then root has most")
        #expect(shares.leaving(1000) == [3, 2, 1, 4], "and what is not over stays")
    }

    @Test("A store that one user fills loses that user's jobs, not the older ones of others")
    func fair() async throws {
        let root = try await job(ended: 80, findings: 100, uid: 0)
        var others: [Int64] = []
        for age in [3, 2, 1] as [Int64] { others.append(try await job(ended: age, findings: 60_000)) }
        recorder.stop()
        let used = try await store.usedBytes()
        let next = try Recorder(
            store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter, logger: Logger(label: "test"))
        await prune(next) { $0.store.maxSize = used / 2 }
        let kept = try await counts()
        #expect(kept[root] == 100 && kept[others[0]] == nil && kept[others[2]] == 60_000, "kept are \(kept)")
        next.stop()
    }

    @Test("A job that somebody deletes is out of sight at once, and then gone")
    func deleted() async throws {
        let (gone, kept) = (try await job(ended: 1, findings: 10), try await job(ended: 1, findings: 1))
        try await store.pool.write { try $0.execute(sql: "UPDATE jobs SET deleted = 1 WHERE id = ?", arguments: [gone]) }
        #expect(try await store.job(.id(gone)) == nil)
        #expect(try await store.latestJobs(10).map(\.id) == [kept])
        #expect(try await store.jobCounts() == ["finished": 1])
        await prune()
        #expect(try await counts() == [kept: 1])
        recorder.stop()
    }
}
