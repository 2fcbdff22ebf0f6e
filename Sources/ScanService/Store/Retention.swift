import GRDB
import Glibc
package import Logging
import PacketIO
import ScanAPI
import ServiceLifecycle

/// Deletes what is kept long enough: jobs that somebody has deleted, those that ended long ago, and when the store has grown too large, the oldest of the
/// user who takes most of it. Jobs that are not over are never touched. Then the database's file shrinks.
///
/// All of it goes through the recorder, in slices small enough that no scan has to wait.
package struct Retention: Service {
    private let settings: Settings
    private let store: Store
    private let recorder: Recorder
    private let logger: Logger
    private let calls: AsyncStream<Void>
    private let caller: AsyncStream<Void>.Continuation

    private static let interval = Duration.seconds(600)
    /// Rows of one transaction.
    private static let slice = 10_000
    /// How many jobs are marked before their rows go: those that are old, and those that make room for others.
    private static let markedAtOnce = 1000
    private static let evictedAtOnce = 10
    /// Pages that one transaction gives back.
    private static let vacuumSlice = 500

    package init(settings: Settings, store: Store, recorder: Recorder, logger: Logger) {
        self.settings = settings
        self.store = store
        self.recorder = recorder
        self.logger = logger
        (calls, caller) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Has it look at the store soon.
    package func call() { caller.yield() }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            let timer = Task {
                while !Task.isCancelled {
                    caller.yield()
                    try? await Task.sleep(for: Self.interval)
                }
            }
            defer { timer.cancel() }
            for await _ in calls {
                if Task.isCancelled { return }
                await prune()
            }
        }
    }

    /// Deletes all that is due.
    package func prune() async {
        do {
            try await empty()
            while try await markOld() { try await empty() }
            try await makeRoom()
            try await shrink()
        } catch {
            // The store takes nothing at present, or the daemon stops; the next time will do.
            logger.notice("Old jobs are deleted later: \(error)")
        }
    }

    /// Marks jobs that ended long ago as deleted; false when there are none.
    private func markOld() async throws -> Bool {
        let limit = WallClock.microseconds() - Int64(settings.current.store.keepDays) * 86_400_000_000
        return try await recorder.perform { db in
            try db.execute(
                sql: """
                    UPDATE jobs SET deleted = 1 WHERE id IN
                        (SELECT id FROM jobs WHERE deleted = 0 AND finished IS NOT NULL AND finished < ? ORDER BY finished LIMIT ?)
                    """, arguments: [limit, Self.markedAtOnce])
            return (db.changesCount > 0, [])
        }
    }

    /// Of a store that is too large, deletes finished jobs, some at a time, until it is not: the oldest of whoever takes most of it.
    private func makeRoom() async throws {
        while case let excess = try await store.usedBytes() - settings.current.store.maxSize, excess > 0 {
            var leaving = StoreShares(try await store.holdings()).leaving(excess)[...]
            guard !leaving.isEmpty else { return }
            while !leaving.isEmpty, try await store.usedBytes() > settings.current.store.maxSize {
                let jobs = Array(leaving.prefix(Self.evictedAtOnce))
                leaving = leaving.dropFirst(jobs.count)
                try await recorder.perform { db in
                    for job in jobs { try db.execute(sql: "UPDATE jobs SET deleted = 1 WHERE id = ?", arguments: [job]) }
                    return ((), [])
                }
                try await empty()
            }
        }
    }

    /// Removes the jobs that are marked, with all that belongs to them.
    private func empty() async throws {
        var isDone = false
        while !isDone {
            isDone = try await recorder.perform { db in
                let jobs = try Int64.fetchAll(db, sql: "SELECT id FROM jobs WHERE deleted = 1 ORDER BY id LIMIT 200")
                var room = Self.slice
                for job in jobs {
                    try db.execute(
                        sql: "DELETE FROM findings WHERE id IN (SELECT id FROM findings WHERE job = ? LIMIT ?)", arguments: [job, room])
                    room -= db.changesCount
                    // The ids of the latest findings are given again.
                    try db.execute(
                        sql: "UPDATE checkpoints SET last_finding = min(last_finding, (SELECT ifnull(max(id), 0) FROM findings))")
                    try db.execute(
                        sql: """
                            DELETE FROM hosts WHERE job = ? AND (address, state) IN
                                (SELECT address, state FROM hosts WHERE job = ? LIMIT ?)
                            """, arguments: [job, job, room])
                    room -= db.changesCount
                    guard room > 0 else { return (false, []) }
                    try db.execute(sql: "DELETE FROM jobs WHERE id = ?", arguments: [job])
                }
                return (jobs.isEmpty, [])
            }
        }
    }

    /// Gives free pages back to the file system.
    private func shrink() async throws {
        // Some stay, so that the file does not shrink and grow all the time.
        while try await store.freePages() > 2 * Self.vacuumSlice {
            let before = try await store.freePages()
            try await recorder.vacuum(pages: Self.vacuumSlice)
            guard try await store.freePages() < before else { return }
        }
    }
}

extension Store {
    /// Bytes of the database that hold something.
    package func usedBytes() async throws -> Int64 {
        try await pool.read { db in
            let pages = try Int64.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            let free = try Int64.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0
            return (pages - free) * (try Int64.fetchOne(db, sql: "PRAGMA page_size") ?? 4096)
        }
    }

    /// Pages of the database that hold nothing.
    package func freePages() async throws -> Int {
        try await pool.read { try Int.fetchOne($0, sql: "PRAGMA freelist_count") ?? 0 }
    }
}

extension Recorder {
    /// Gives up to `pages` free pages of the store back to the file system.
    func vacuum(pages: Int) async throws {
        try await perform { db in
            // The pragma works row by row: each row that is asked for is a page that is given back.
            let rows = try Row.fetchCursor(db, sql: "PRAGMA incremental_vacuum(\(pages))")
            while try rows.next() != nil {}
            return ((), [])
        }
    }
}
