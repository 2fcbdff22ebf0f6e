package import GRDB
import Glibc
package import Logging
import PacketIO
import ScanAPI
import Synchronization
import SystemPackage

/// The one owner of "exactly once": every finding and every event of a job goes through it into the store and, once, into the results log.
///
/// What it is given is done in order, in batches: one durable transaction with the rows and the exact bytes of their lines, then the lines are
/// appended to the log, and at times the log is made durable and the store notes how far. All of it happens on a thread of its own.
package final class Recorder: Sendable {
    private let queue: RecordQueue
    private let thread = Mutex<WorkerThread?>(nil)
    package let formatter: LineFormatter
    /// What keeps results from being written.
    package let obstacles = ObstacleBoard()

    /// Repairs the log at `path` after whatever ended the last process, and starts the thread. Blocks. `group` owns a log that is made; with less than
    /// `minFree` bytes left for log, store or audit log nothing more shall be found.
    package init(
        store: Store, path: String, group: UInt32?, formatter: LineFormatter, auditLog: String? = nil,
        minFree: @escaping @Sendable () -> Int64 = { 0 }, logger: Logger
    ) throws(ServiceError) {
        do {
            let queue = try RecordQueue()
            let writer = try RecordWriter.start(store: store, path: path, group: group, formatter: formatter, logger: logger)
            let directories = [path, auditLog].compactMap(\.self).map { FilePath($0).removingLastComponent().string } + [store.directory]
            let space = FreeSpace(directories: directories, least: minFree)
            let loop = RecordLoop(
                queue: queue, store: store, writer: writer, space: space, obstacles: obstacles, logger: logger)
            self.queue = queue
            self.formatter = formatter
            let started = try WorkerThread(Self.threadName) { loop.run() }
            thread.withLock { $0 = started }
        } catch let error as ServiceError {
            throw error
        } catch {
            throw ServiceError("the recorder cannot start: \(error)")
        }
    }

    /// Where the run of a job delivers its observations.
    package func sink(job: Int64, name: String?, zone: String? = nil) -> JobSink {
        JobSink(job: job, name: name, zone: zone, queue: queue)
    }

    /// Has a change made after everything that was given before. Returns at once; `done` is told.
    package func submit(_ change: RecordChange) {
        guard queue.put(.change(change)) else { return change.done(.failure(Self.stopped)) }
    }

    /// Has a change made and waits until it is durable and its lines have been appended. Throws what `body` throws, or `Refusal` when the store
    /// cannot be written.
    package func perform<Value: Sendable>(
        isKept: Bool = false, _ body: @escaping @Sendable (Database) throws -> (Value, [JobLine])
    ) async throws -> Value {
        let value = Handover<Value>()
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            submit(
                RecordChange(isKept: isKept) { db in
                    let (result, lines) = try body(db)
                    value.put(result)
                    return lines
                } done: { outcome in
                    continuation.resume(with: outcome)
                })
        }
        guard let result = value.take() else { throw Refusal(.internal, "The recorder lost a result.") }
        return result
    }

    /// Goes on in a new file where the log has been renamed (`RecordWriter.reopen`). Throws what keeps it from that.
    package func reopen() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            guard queue.put(.reopen { continuation.resume(with: $0) }) else { return continuation.resume(throwing: Self.stopped) }
        }
    }

    private static let threadName = "recorder"

    /// Whether the recorder's thread was at work within the last `nanoseconds`, or can do nothing because a disk does not answer: then that is the
    /// obstacle until it does, and nothing more shall be found. Any thread.
    package func isAlive(within nanoseconds: Int64) -> Bool {
        if queue.isAlive(within: nanoseconds) { return true }
        guard let state = ThreadState.all(called: Self.threadName).first, state.waitsForKernel else { return false }
        queue.setBlocked(true)
        obstacles.post(Obstacle(.space, FreeSpace.words("the disk of store or results log does not answer")))
        return true
    }

    /// Finishes what it was given, marks the log and ends the thread. Blocks, for some seconds at most when the disk takes nothing. Call it once.
    package func stop() {
        queue.close()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }

    private static let stopped = Refusal(.unavailable, "synscand is stopping: try again when it is back.")

    /// Carries a value out of the transaction; the last one counts, because a transaction may be repeated.
    private final class Handover<Value: Sendable>: Sendable {
        private let value = Mutex<Value?>(nil)

        func put(_ new: Value) { value.withLock { $0 = new } }
        func take() -> Value? { value.withLock { $0 } }
    }
}
