import GRDB
import ScanAPI
import ScanService
import Testing

@Suite("How long the daemon was away")
struct HeartbeatTests {
    private static func beat(_ wall: Int64, _ boot: Int64, _ id: String?) -> Heartbeat {
        Heartbeat(wall: wall * 1_000_000, boot: boot * 1_000_000, bootID: id)
    }

    @Test(
        "Seconds between two moments",
        arguments: [
            // The same boot: the time of day may have been set in between.
            (beat(1000, 50, "a"), beat(9000, 60, "a"), 10), (beat(1000, 50, "a"), beat(10, 60, "a"), 10),
            // Another boot, or an unknown one: the time of day, never backwards.
            (beat(1000, 50, "a"), beat(1500, 10, "b"), 500), (beat(1000, 50, nil), beat(1500, 60, nil), 500),
            (beat(1000, 50, "a"), beat(900, 10, "b"), 0), (beat(1000, 50, nil), beat(1500, 60, "a"), 500),
            // Numbers from a damaged store.
            (Heartbeat(wall: .min, boot: .min, bootID: "a"), beat(1, 1, "a"), 0),
        ])
    func seconds(earlier: Heartbeat, later: Heartbeat, expected: Double) {
        #expect(later.seconds(since: earlier) == expected)
    }

    @Test("After too long an interruption all jobs are paused, which is logged; after a short one none is")
    func settle() throws {
        let directory = try TemporaryDirectory()
        let store = try Store(directory: directory.file("store"))
        let ids = [try Samples.insertJob(store, name: "a"), try Samples.insertJob(store), try Samples.insertJob(store)]
        try store.pool.write { db in
            try db.execute(sql: "UPDATE jobs SET state = 'running' WHERE id = ?", arguments: [ids[0]])
            try db.execute(sql: "UPDATE jobs SET state = 'finished', finished = 1 WHERE id = ?", arguments: [ids[2]])
            #expect(try Heartbeat.last(db) == nil)
            let first = try Store.settleInterruption(deadly: [ids[1]], resumeWithin: 10, now: Self.beat(1000, 100, "a"), db)
            #expect(first.seconds == nil && first.lines.isEmpty)
            let short = try Store.settleInterruption(deadly: [ids[1]], resumeWithin: 10, now: Self.beat(1010, 110, "a"), db)
            #expect(short.seconds == nil)
        }
        #expect(try store.liveJobs().map(\.record.state) == [.running, .queued])
        #expect(try store.liveJobs().map(\.record.deaths) == [0, 2])
        let long = try store.pool.write { try Store.settleInterruption(deadly: [], resumeWithin: 10, now: Self.beat(1021, 121, "a"), $0) }
        #expect(long.seconds == 11 && long.lines.map(\.job) == [ids[0], ids[1]] && long.lines.first?.name == "a")
        #expect(long.lines.allSatisfy { $0.event == .paused && $0.reason?.contains("11 s") == true })
        #expect(try store.liveJobs().map(\.record.state) == [.paused, .paused])
        #expect(try store.liveJobs().allSatisfy { $0.record.reason?.contains("resume_within") == true })
    }
}
