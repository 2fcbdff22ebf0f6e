import Logging
import PacketIO
import ScanAPI

/// The recorder's thread.
final class RecordLoop: @unchecked Sendable {
    // Unchecked: made on one thread and handed to the recorder's, which alone runs it.
    private let queue: RecordQueue
    private var writer: RecordWriter
    private let store: Store
    private let logger: Logger
    private var lastCommit = SteadyClock.nanoseconds()
    /// Whether something may stand in the store's write-ahead log alone.
    private var isUnchecked = true
    /// How long findings alone are collected before they are committed: twenty times what the last commit took, within bounds, so that a steady flow
    /// is written in few transactions and leaves the processor to those who send and answer. A change never waits, nor does a whole transaction's
    /// worth.
    private var commitInterval: Int64 = RecordLoop.shortestInterval
    private var isFailing = false
    private let space: FreeSpace
    /// Why the store cannot be written at present.
    private var storeProblem: Obstacle?
    private let obstacles: ObstacleBoard

    private static let shortestInterval: Int64 = 5_000_000
    private static let longestInterval: Int64 = 200_000_000
    /// From one look at log and store to the next while nothing happens, and from one attempt to the next.
    private static let retryInterval: Int64 = 1_000_000_000
    private static let checkpointRest: Int64 = 5_000_000_000

    init(queue: RecordQueue, store: Store, writer: consuming RecordWriter, space: FreeSpace, obstacles: ObstacleBoard, logger: Logger) {
        self.queue = queue
        self.store = store
        self.space = space
        self.obstacles = obstacles
        self.writer = writer
        self.logger = logger
    }

    func run() {
        while true {
            let isLast = queue.isClosed
            write(queue.takeBatch(), isLast: isLast)
            writer.inspect()
            writer.appendRest()
            tellObstacle()
            if queue.isDone { break }
            if queue.isEmpty { queue.wait(nanoseconds: Self.retryInterval) }
            if !queue.hasChange { collect() }
            markIfIdle()
            checkpointIfIdle()
        }
        storeMark()
    }

    /// Lets the runs pause, or go on, and says why.
    private func tellObstacle() {
        let obstacle = storeProblem ?? store.watch.problem ?? writer.obstacle ?? space.shortage() ?? store.reserve.shortage
        if obstacle == nil, queue.isBlocked { store.reserve.keep() }
        queue.setBlocked(obstacle != nil)
        obstacles.post(obstacle)
        obstacles.note(writer.notices)
    }

    /// Lets findings come together.
    private func collect() {
        var rest = lastCommit + commitInterval - SteadyClock.nanoseconds()
        while rest > 0, !queue.hasChange, !queue.isClosed, !queue.hasBatch {
            queue.wait(nanoseconds: rest)
            rest = lastCommit + commitInterval - SteadyClock.nanoseconds()
        }
    }

    private func markIfIdle() {
        guard writer.isUnmarked, SteadyClock.nanoseconds() - lastCommit >= RecordWriter.markInterval else { return }
        storeMark()
    }

    /// While nothing happens the database's own file holds everything: a copy of it is whole.
    private func checkpointIfIdle() {
        guard isUnchecked, !queue.isBlocked, SteadyClock.nanoseconds() - lastCommit >= Self.checkpointRest else { return }
        do {
            isUnchecked = try !store.checkpoint()
        } catch {
            store.watch.note(error)
        }
    }

    private func storeMark() {
        isUnchecked = isUnchecked || writer.isUnmarked
        do {
            try writer.storeMark()
        } catch {
            logger.error("The store cannot be written: \(error).")
        }
    }

    /// Writes what was taken, in one transaction but for where the log is to be begun anew.
    private func write(_ entries: [RecordEntry], isLast: Bool) {
        var batch: [RecordEntry] = []
        for entry in entries {
            guard case .reopen(let done) = entry else {
                batch.append(entry)
                continue
            }
            if !batch.isEmpty { commit(batch, isLast: isLast) }
            batch = []
            done(Result { try writer.reopen() })
        }
        if !batch.isEmpty { commit(batch, isLast: isLast) }
    }

    /// Commits one batch, as often as it takes; when the daemon stops, one more time only.
    private func commit(_ entries: [RecordEntry], isLast: Bool) {
        var entries = entries
        var attempts = isLast ? 2 : Int.max
        while !entries.isEmpty {
            do {
                // What a damaged store takes, or one whose file is gone, would be lost.
                if let problem = store.watch.problem { throw ServiceError(problem.words) }
                let start = SteadyClock.nanoseconds()
                let outcomes = try writer.write(entries)
                lastCommit = SteadyClock.nanoseconds()
                commitInterval = min(max(20 * (lastCommit - start), Self.shortestInterval), Self.longestInterval)
                finish(entries, outcomes)
                return
            } catch {
                tell(error)
                attempts = queue.isClosed ? min(attempts - 1, 1) : attempts
                if attempts <= 0 { return giveUp(entries, error) }
                for entry in entries where entry.isImpatient { entry.fail(Self.refusal(error)) }
                entries.removeAll(where: \.isImpatient)
                pause(error)
            }
        }
    }

    private func finish(_ entries: [RecordEntry], _ outcomes: [Result<Void, any Error>]) {
        if isFailing { logger.notice("The store can be written again.") }
        isFailing = false
        isUnchecked = true
        storeProblem = nil
        var outcomes = outcomes.makeIterator()
        for entry in entries {
            switch entry {
            case .findings, .hosts, .untested: queue.settle(findings: entry.findingCount)
            case .change(let change): change.done(outcomes.next() ?? .success(()))
            case .checkpoint(let sink, _): sink.checkpointIsKept()
            case .reopen: break
            }
        }
    }

    private func tell(_ error: any Error) {
        store.watch.note(error)
        if !isFailing {
            logger.error("The store cannot be written: \(error). Scans pause, nothing is lost, and it is tried again every second.")
        }
        isFailing = true
        storeProblem =
            store.watch.problem
            ?? Obstacle(
                .space,
                Store.Trouble(error) == .space ? FreeSpace.words("the store: \(error)") : "results cannot be written (the store: \(error))")
        tellObstacle()
    }

    private func giveUp(_ entries: [RecordEntry], _ error: any Error) {
        logger.critical("synscand stops with work that the store did not take: \(error). The jobs go on from their last checkpoint.")
        for entry in entries { entry.fail(Self.refusal(error)) }
    }

    private static func refusal(_ error: any Error) -> Refusal {
        Refusal(.unavailable, "The store cannot be written (\(error)): nothing was changed, try again when that is repaired.")
    }

    /// Waits before the next attempt; answers those who come meanwhile and should not be kept waiting.
    private func pause(_ error: any Error) {
        let end = SteadyClock.nanoseconds() + Self.retryInterval
        while !queue.isClosed {
            for entry in queue.takeImpatient() { entry.fail(Self.refusal(error)) }
            let rest = end - SteadyClock.nanoseconds()
            guard rest > 0 else { return }
            queue.wait(nanoseconds: rest)
        }
    }
}
