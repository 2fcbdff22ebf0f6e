import GRDB
import Glibc
import Logging
import ScanEngine
import SystemPackage

/// Does what the recorder is for: commit, append, mark. Confined to one thread at a time.
struct RecordWriter: ~Copyable {
    private let store: Store
    private let formatter: LineFormatter
    private let logger: Logger
    private let group: UInt32?
    private var log: ResultsLog
    private var buffer = LineBuffer()
    /// The last line that is committed.
    private var seq: Int64
    /// Committed lines that the log has not taken yet, from `unappendedStart` on.
    private var unappended: [UInt8] = []
    private var unappendedStart = 0
    /// Appended since the last mark.
    private var unmarkedBytes = 0
    private var lastMark = SteadyClock.nanoseconds()
    private var lastFailure: Errno?

    static let markInterval: Int64 = 1_000_000_000
    private static let markBytes = 32 << 20

    /// Opens the log and brings it up to what the store knows: no line is lost, none comes twice.
    init(store: Store, path: String, group: UInt32?, formatter: LineFormatter, logger: Logger) throws {
        let (mark, stored) = try store.pool.read { db in (try LogTable.mark(db), try LogTable.lastSeq(db)) }
        let written = try mark.map { try LogRecovery(path: path, mark: $0).lastLine() } ?? stored
        var log = try ResultsLog(path: path, group: group)
        try log.endForeignLine()
        // The file that goes on from here is known before it takes the first line.
        let begin = try log.mark(seq: written)
        try store.pool.write { try LogTable.store(begin, $0) }
        var missing: [UInt8] = []
        var last = written
        while let batch = try store.pool.read({ try LogTable.nextBatch(after: last, $0) }) {
            missing += Self.lines(of: batch, after: last)
            last = batch.lastSeq
        }
        self.store = store
        self.formatter = formatter
        self.logger = logger
        self.log = log
        self.group = group
        seq = max(stored, written)
        unappended = missing
        guard isBlocked else { return }
        logger.notice("Lines that had not reached the results log are written now: \(unappended.count) bytes.")
        appendRest()
    }

    private static func lines(of batch: OutboxBatch, after last: Int64) -> ArraySlice<UInt8> {
        var rest = batch.lines[...]
        var next = batch.firstSeq
        while next <= last, let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            rest = rest[(end + 1)...]
            next += 1
        }
        return rest
    }

    /// True while committed lines wait for the log to take them.
    var isBlocked: Bool { !unappended.isEmpty }

    /// Why they wait, in words; nil when none do.
    var obstacle: String? {
        guard isBlocked, let lastFailure else { return nil }
        return FreeSpace.obstacle("\(log.path): \(lastFailure)")
    }

    /// Whether appended lines wait for their mark.
    var isUnmarked: Bool { unmarkedBytes > 0 }

    /// Makes the entries durable in one transaction and appends their lines; returns how each change went.
    ///
    /// Throws when the store takes nothing: then nothing has happened, and the same entries can be given again.
    mutating func write(_ entries: [RecordEntry]) throws -> [Result<Void, any Error>] {
        let mark = isMarkDue ? freshMark() : nil
        buffer.clear()
        let transaction = RecordTransaction(entries: entries, seq: seq, formatter: formatter, mark: mark)
        let result = try store.pool.write { db in try transaction.run(db, &buffer) }
        seq = result.seq
        if mark != nil { marked() }
        appendNew()
        return result.outcomes
    }

    /// Appends the lines that have just been committed, behind those that wait.
    private mutating func appendNew() {
        guard buffer.count > 0 else { return }
        if isBlocked {
            buffer.withBytes { unappended.append(contentsOf: $0) }
            return appendRest()
        }
        let taken = note(buffer.withBytes { log.append($0) })
        buffer.withBytes { unappended.append(contentsOf: $0[taken...]) }
    }

    /// Appends what waits.
    mutating func appendRest() {
        guard isBlocked else { return }
        let start = unappendedStart
        unappendedStart += note(unappended.withUnsafeBytes { log.append(UnsafeRawBufferPointer(rebasing: $0[start...])) })
        guard unappendedStart == unappended.count else { return }
        unappended = []
        unappendedStart = 0
    }

    /// Takes note of what the log has taken and returns its bytes. A log that takes nothing is told of once.
    private mutating func note(_ appended: (count: Int, failure: Errno?)) -> Int {
        unmarkedBytes += appended.count
        if let failure = appended.failure {
            if failure != lastFailure {
                logger.error(
                    "The results log \(log.path) takes no lines (\(failure)): scans pause, nothing is lost, and it is tried again every second."
                )
            }
        } else if lastFailure != nil {
            logger.notice("The results log \(log.path) takes lines again.")
        }
        lastFailure = appended.failure
        return appended.count
    }

    /// Goes on in the file that has the log's name now, making it if there is none. When this returns, every line so far is safe in the file before,
    /// or is about to be the first in the new one.
    ///
    /// Throws when the new file cannot be had; then the old one goes on.
    mutating func reopen() throws {
        appendRest()
        let waiting = Int64(unappended[unappendedStart...].count { $0 == UInt8(ascii: "\n") })
        let safe = seq - waiting
        let end = try log.mark(seq: safe)
        try store.pool.write { try LogTable.store(end, $0) }
        marked()
        var next = try ResultsLog(path: log.path, group: group)
        try next.endForeignLine()
        let begin = try next.mark(seq: safe)
        guard begin.inode != end.inode || begin.device != end.device else { return }
        try store.pool.write { try LogTable.store(begin, $0) }
        log = next
        appendRest()
    }

    /// Stores the mark by itself, when nothing else is written; the memory of many lines is given back.
    mutating func storeMark() throws {
        buffer = LineBuffer()
        guard isUnmarked, let mark = freshMark() else { return }
        try store.pool.write { try LogTable.store(mark, $0) }
        marked()
    }

    private var isMarkDue: Bool {
        isUnmarked && (unmarkedBytes > Self.markBytes || SteadyClock.nanoseconds() - lastMark >= Self.markInterval)
    }

    /// Nil while the log does not hold all that is committed, or cannot be made durable.
    private mutating func freshMark() -> LogMark? {
        guard !isBlocked else { return nil }
        do {
            return try log.mark(seq: seq)
        } catch {
            logger.error("The results log \(log.path) cannot be made durable: \(error). It is tried again.")
            lastMark = SteadyClock.nanoseconds()
            return nil
        }
    }

    private mutating func marked() {
        unmarkedBytes = 0
        lastMark = SteadyClock.nanoseconds()
    }
}
