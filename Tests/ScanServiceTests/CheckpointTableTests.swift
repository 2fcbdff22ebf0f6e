import GRDB
import Logging
import ScanAPI
import ScanCore
import ScanService
import ScanTargets
import Testing

@Suite("Checkpoints in the store")
struct CheckpointTableTests {
    private let directory: TemporaryDirectory
    private let store: Store
    private let job: Int64

    init() throws {
        directory = try TemporaryDirectory()
        store = try Store(directory: directory.file("store"))
        job = try Samples.insertJob(store)
    }

    private static func checkpoint(chunk: UInt64 = 0, _ pages: [(Int, UInt64)]) throws -> ScanCheckpoint {
        let words: [UInt64] = [3, chunk, 0, 5] + [UInt64](repeating: 3, count: 23) + [0, 0, 0]
        let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
        let pages = try pages.map { number, value in
            try #require(ProbePage(number: number, bytes: (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }))
        }
        return try #require(ScanCheckpoint(header: bytes, pages: pages))
    }

    @Test("Each adds its pages to the ones before, and one of another chunk begins anew")
    func pages() throws {
        let (first, second) = (try Self.checkpoint([(0, 1), (3, 2)]), try Self.checkpoint([(3, 4), (7, 5)]))
        try store.pool.write { db in
            try CheckpointTable.store(first, of: job, db)
            try CheckpointTable.store(second, of: job, db)
        }
        #expect(try store.resumePoint(of: job).checkpoint == first.updated(by: second))
        let next = try Self.checkpoint(chunk: 1 << 26, [(1, 9)])
        try store.pool.write { try CheckpointTable.store(next, of: job, $0) }
        #expect(try store.resumePoint(of: job).checkpoint == next)
        #expect(try store.liveJobs().first?.isProven == true)
        #expect(try store.liveJobs().first?.record.account.open == 3)
    }

    @Test("What was found after it is known beside it, and a job without one has all of its findings")
    func findingsAfter() async throws {
        let recorder = try Recorder(
            store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter, logger: Logger(label: "test"))
        let sink = recorder.sink(job: job, name: nil)
        sink.deliver([Samples.observation(1), Samples.observation(2)])
        try await recorder.perform { _ in ((), []) }
        #expect(try store.resumePoint(of: job).answered.count == 2)
        let gate = Gate()
        recorder.submit(
            RecordChange(
                isKept: true,
                apply: { _ in
                    gate.wait()
                    return []
                }, done: { _ in }))
        sink.keep(try Self.checkpoint([(0, 1)]))
        #expect(!sink.takesCheckpoint)
        gate.open()
        sink.deliver([Samples.observation(3, state: .filtered)])
        recorder.stop()
        #expect(sink.takesCheckpoint)
        let resume = try store.resumePoint(of: job)
        #expect(resume.checkpoint != nil)
        #expect(resume.answered.map(\.target.address) == [IPAddress(v4: 0xc612_0003)] && resume.answered.map(\.state) == [.filtered])
    }

    @Test("The first one clears a job of the daemon's deaths; the job's end takes it away, but for a job that has left something untested")
    func end() throws {
        try store.pool.write { db in
            try db.execute(sql: "UPDATE jobs SET deaths = 2")
            try CheckpointTable.store(try Self.checkpoint([(0, 1)]), of: job, db)
        }
        var record = try #require(try store.liveJobs().first?.record)
        #expect(record.deaths == 0)
        record.state = .cancelled
        let cancelled = record
        try store.pool.write { try cancelled.update($0) }
        #expect(try store.resumePoint(of: job).checkpoint != nil)
        record.state = .finished
        let ended = record
        try store.pool.write { db in
            try ended.update(db)
            #expect(try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM checkpoint_pages") == 0)
        }
        #expect(try store.resumePoint(of: job).checkpoint == nil)
    }

    @Test("A damaged one is told, not used")
    func damaged() throws {
        try store.pool.write { db in
            try CheckpointTable.store(try Self.checkpoint([(0, 1)]), of: job, db)
            try db.execute(sql: "UPDATE checkpoints SET header = x'00'")
        }
        let error = #expect(throws: ServiceError.self) { try store.resumePoint(of: job) }
        #expect(error?.message.contains("checkpoint of job \(job)") == true)
    }
}
