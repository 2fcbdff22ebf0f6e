import Logging
import ScanAPI
import ScanEngine

/// The recorder's thread.
final class RecordLoop: @unchecked Sendable {
    // Unchecked: made on one thread and handed to the recorder's, which alone runs it.
    private let queue: RecordQueue
    private var writer: RecordWriter
    private let logger: Logger
    private var lastCommit: Int64 = 0
    /// How long findings alone are collected before they are committed: twenty times what the last commit took, within bounds, so that a steady flow
    /// is written in few transactions and leaves the processor to those who send and answer. A change never waits, nor does a whole transaction's
    /// worth.
    private var commitInterval: Int64 = RecordLoop.shortestInterval
    private var isFailing = false
    private let space: FreeSpace
    /// Why the store cannot be written at present.
    private var storeProblem: String?
    private let obstacles: ObstacleBoard

    private static let shortestInterval: Int64 = 5_000_000
    private static let longestInterval: Int64 = 200_000_000
    private static let retryInterval: Int64 = 1_000_000_000

    init(queue: RecordQueue, writer: consuming RecordWriter, space: FreeSpace, obstacles: ObstacleBoard, logger: Logger) {
        self.queue = queue
        self.space = space
        self.obstacles = obstacles
        self.writer = writer
        self.logger = logger
    }

    func run() {
        while true {
            let isLast = queue.isClosed
            write(queue.takeBatch(), isLast: isLast)
            writer.appendRest()
            tellObstacle()
            if queue.isDone { break }
            if queue.isEmpty { rest() }
            if !queue.hasChange { collect() }
            markIfIdle()
        }
        storeMark()
    }

    /// Waits for work. While something is the matter, or a mark is due, it looks again after a second.
    private func rest() {
        let isIdle = !queue.isBlocked && !writer.isUnmarked
        if isIdle { queue.rest() } else { queue.wait(nanoseconds: Self.retryInterval) }
    }

    /// Lets the runs pause, or go on, and says why.
    private func tellObstacle() {
        let obstacle = storeProblem ?? writer.obstacle ?? space.shortage()
        queue.setBlocked(obstacle != nil)
        obstacles.post(obstacle)
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

    private func storeMark() {
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
        storeProblem = nil
        var outcomes = outcomes.makeIterator()
        for entry in entries {
            switch entry {
            case .findings, .hosts: queue.settle(findings: entry.findingCount)
            case .change(let change): change.done(outcomes.next() ?? .success(()))
            case .checkpoint(let sink, _): sink.checkpointIsKept()
            case .reopen: break
            }
        }
    }

    private func tell(_ error: any Error) {
        if !isFailing {
            logger.error("The store cannot be written: \(error). Scans pause, nothing is lost, and it is tried again every second.")
        }
        isFailing = true
        storeProblem = FreeSpace.obstacle("the store: \(error)")
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
