import GRDB
import ScanAPI
import ScanCore
import ScanEngine
import ScanService
import ScanTargets
import Testing

@Suite("What jobs leave untested, in the store")
struct UntestedTableTests {
    private let store: Store
    private let directory: TemporaryDirectory
    private let job: Int64

    init() throws {
        directory = try TemporaryDirectory()
        store = try Store(directory: directory.file("store"))
        job = try Samples.insertJob(store)
    }

    private func ended(_ state: JobState, _ reason: String?) throws -> JobRecord {
        var record = try #require(try store.liveJobs().first?.record)
        (record.state, record.reason) = (state, reason)
        return record
    }

    @Test("A job that never ran has left all, one that came to its end nothing; a retry of it is about just that")
    func retry() throws {
        let all = UInt64(Samples.selection.targetCount)
        let cancelled = try ended(.cancelled, nil)
        let chosen = try store.untested(of: cancelled)
        #expect(chosen.count(of: all) == all)
        #expect(try store.untested(of: try ended(.finished, nil)).count(of: all) == 0)
        let part = ChosenTargets(sets: [PositionSet([1, 2, 7])], tail: all - 1)
        let submitter = Submitter(uid: 5, pid: 6, groups: [])
        let second = try store.pool.write { db in
            var record = cancelled.retry(of: part.count(of: all), by: submitter, at: Timestamp(microseconds: 9))
            try record.insert(Samples.selection, db)
            try UntestedTable.choose(part, job: record.id, db)
            return record
        }
        #expect(try store.chosen(of: second.id) == part)
        #expect(second.retryOf == job && second.key == cancelled.key && second.account.targets == 4 && second.state == .queued)
        var over = second
        (over.state, over.reason) = (.finished, "its deadline has passed")
        #expect(try store.untested(of: over).count(of: all) == 4)
        var rest = try store.rest(of: over)
        #expect(rest.next(100)?.count == 4 && rest.next(100) == nil)
    }

    @Test("The end that is meant outlasts the daemon")
    func ending() throws {
        var record = try #require(try store.liveJobs().first?.record)
        record.ending = JobRecord.Ending(state: .cancelled, reason: nil, finished: Timestamp(microseconds: 5), hasGivenUp: true)
        let meant = record
        try store.pool.write { try meant.storeEnding($0) }
        #expect(try store.liveJobs().first?.record.ending == record.ending)
    }
}
