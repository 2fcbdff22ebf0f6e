import Glibc
import Logging
import PacketIO
import ScanAPI
import ScanCore
import ScanEngine
import Synchronization
import SystemPackage

/// What waits for the audit log's thread. Any thread puts, one takes.
final class AuditQueue: Sendable {
    enum Item: Sendable {
        /// A line and whom to tell when it is written.
        case line([UInt8], @Sendable () -> Void)
        case reopen(@Sendable (Result<Void, ServiceError>) -> Void)
    }

    private struct State {
        var items: [Item] = []
        /// Requests for whose line there was no room.
        var unwritten = 0
        var isClosed = false
    }

    private let state = Mutex(State())
    private let wake: WakeEvent
    /// Told when the thread has written all and ends.
    let finished: WakeEvent

    init() throws(EngineError) {
        wake = try WakeEvent()
        finished = try WakeEvent()
    }

    func put(_ item: Item) {
        state.withLock { $0.items.append(item) }
        wake.signal()
    }

    func countUnwritten() { state.withLock { $0.unwritten += 1 } }

    func close() {
        state.withLock { $0.isClosed = true }
        wake.signal()
    }

    /// Waits for something to do, at most so long; what there is, and whether it is the last.
    func take(waiting nanoseconds: Int64) -> (items: [Item], unwritten: Int, isClosed: Bool) {
        if state.withLock({ $0.items.isEmpty && !$0.isClosed }) { wake.wait(nanoseconds: nanoseconds) }
        return state.withLock { state in
            defer { (state.items, state.unwritten) = ([], 0) }
            return (state.items, state.unwritten, state.isClosed)
        }
    }
}

/// The audit log's thread: appends lines, makes them durable once a second, and notices when the file has been deleted.
final class AuditWriter: @unchecked Sendable {
    // Unchecked: made on one thread and handed to the log's, which alone runs it.
    private let path: String
    private var file: FileDescriptor
    private let queue: AuditQueue
    private let logger: Logger
    private var isFailing = false
    /// Whether lines were written since the file was last made durable, and when that was.
    private var isUnsynced = false
    private var lastSync: Int64 = 0

    private static let syncInterval: Int64 = 1_000_000_000

    /// Takes over `file`.
    init(path: String, file: FileDescriptor, queue: AuditQueue, logger: Logger) {
        self.path = path
        self.file = file
        self.queue = queue
        self.logger = logger
    }

    func run() {
        while true {
            let rest = isUnsynced ? max(0, lastSync + Self.syncInterval - SteadyClock.nanoseconds()) : .max
            let (items, unwritten, isClosed) = queue.take(waiting: rest)
            if !items.isEmpty { findAgain() }
            for item in items {
                switch item {
                case .line(let line, let done):
                    append(line)
                    done()
                case .reopen(let done): done(reopen())
                }
            }
            if unwritten > 0 { append(Self.gap(unwritten)) }
            syncIfDue(isClosed)
            if isClosed { break }
        }
        try? file.close()
        queue.finished.signal()
    }

    /// What stands for requests that were refused because their lines found no room.
    private static func gap(_ count: Int) -> [UInt8] {
        var entry = AuditEntry(command: "requests without a line")
        entry.status = 503
        entry.reason = "\(count) requests were refused because the audit log took no lines"
        return AuditLog.line(entry, at: Timestamp(microseconds: WallClock.microseconds()))
    }

    private func syncIfDue(_ isLast: Bool) {
        let now = SteadyClock.nanoseconds()
        guard isUnsynced, isLast || now - lastSync >= Self.syncInterval else { return }
        fdatasync(file.rawValue)
        lastSync = SteadyClock.nanoseconds()
        isUnsynced = false
    }

    /// Appends the line. What the file does not take goes to the daemon's own log, so that it is kept somewhere.
    private func append(_ line: [UInt8]) {
        var before = stat()
        fstat(file.rawValue, &before)
        // What a file takes that has been deleted is lost.
        guard before.st_nlink > 0 else { return tell(line) }
        // One call, so that lines never mix.
        let count = Glibc.write(file.rawValue, line, line.count)
        isUnsynced = true
        guard count != line.count else {
            isFailing = false
            return
        }
        let code = Errno(rawValue: count < 0 ? errno : ENOSPC)
        if count > 0 { ftruncate(file.rawValue, before.st_size) }
        if !isFailing { logger.error("The audit log \(path) takes no lines (\(code)): they stand here until it does.") }
        isFailing = true
        tell(line)
    }

    private func tell(_ line: [UInt8]) {
        logger.notice("audit \(String(decoding: line.dropLast(), as: UTF8.self))")
    }

    /// Goes on in a new file where the old one has been deleted. One that was only renamed goes on until `reopen`.
    private func findAgain() {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0, status.st_nlink == 0 else { return }
        do {
            let next = try Self.open(path)
            try? file.close()
            file = next
            logger.error("The audit log \(path) was deleted, and its lines with it: it goes on in a new file.")
        } catch {
            if !isFailing { logger.error("The audit log \(path) was deleted, and there is no new one: \(error).") }
            isFailing = true
        }
    }

    private func reopen() -> Result<Void, ServiceError> {
        do {
            let next = try Self.open(path)
            fdatasync(file.rawValue)
            try? file.close()
            file = next
            return .success(())
        } catch {
            return .failure(error)
        }
    }

    static func open(_ path: String) throws(ServiceError) -> FileDescriptor {
        do {
            let file = try FileDescriptor.open(
                path, .readWrite, options: [.append, .create, .closeOnExec, .noFollow, .nonBlocking], permissions: .ownerReadWrite)
            var status = stat()
            if fstat(file.rawValue, &status) == 0, let problem = ResultsLog.distrust(status) {
                try? file.close()
                throw ServiceError("the audit log \(path) \(problem)")
            }
            guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG, fchmod(file.rawValue, 0o600) == 0 else {
                try? file.close()
                throw ServiceError("the audit log \(path) is not a regular file of this user's")
            }
            // What a power loss has left of a line is no beginning for the next.
            if try ResultsLog.tail(of: file, before: Int64(status.st_size)).last ?? UInt8(ascii: "\n") != UInt8(ascii: "\n") {
                _ = try file.writeAll([UInt8(ascii: "\n")])
            }
            return file
        } catch let error as ServiceError {
            throw error
        } catch {
            throw ServiceError("cannot open the audit log \(path): \(ServiceError.words(error))")
        }
    }
}
