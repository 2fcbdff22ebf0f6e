import GRDB
import Glibc
import Logging
import PacketIO
import SystemPackage

/// Does what the recorder is for: commit, append, mark. Confined to one thread at a time.
struct RecordWriter: ~Copyable {
    private let store: Store
    private let path: String
    private let formatter: LineFormatter
    private let logger: Logger
    private let group: UInt32?
    /// Nil until it can be had: then everything waits for it.
    private var log: ResultsLog?
    private var buffer = LineBuffer()
    /// The last line that is committed.
    private var seq: Int64
    /// Committed lines that the log has not taken yet, from `unappendedStart` on.
    private var unappended: [UInt8] = []
    private var unappendedStart = 0
    /// Appended since the last mark.
    private var unmarkedBytes = 0
    private var lastMark = SteadyClock.nanoseconds()
    private var lastFailure: LogFault?
    /// What has become of the log, until an administrator has seen to it.
    private var held: LogFault?
    private var lastLook: Int64 = 0
    /// Since when the log has had another name; nil while it has its own.
    private var renamed: Int64?
    /// What the start has found, in words.
    private var findings: [String]

    static let markInterval: Int64 = 1_000_000_000
    private static let markBytes = 32 << 20
    private static let lookInterval: Int64 = 250_000_000

    /// Opens the log and brings it up to what the store knows: no line is lost, none comes twice. A log that the system refuses for the moment is waited
    /// for; throws `ServiceError` for one that this daemon cannot have.
    static func start(store: Store, path: String, group: UInt32?, formatter: LineFormatter, logger: Logger) throws -> RecordWriter {
        let seq = try store.pool.read(LogTable.lastSeq)
        var writer = RecordWriter(store: store, path: path, group: group, formatter: formatter, logger: logger, seq: seq)
        try writer.attach()
        writer.appendRest()
        return writer
    }

    private init(store: Store, path: String, group: UInt32?, formatter: LineFormatter, logger: Logger, seq: Int64) {
        self.store = store
        self.path = path
        self.formatter = formatter
        self.logger = logger
        self.group = group
        self.seq = seq
        findings = store.findings
    }

    // MARK: - The file

    /// Tries to have the log. Throws what will not pass by itself.
    private mutating func attach() throws {
        do {
            try adopt(try ResultsLog.open(path, group: group))
            return
        } catch let fault as LogFault {
            tell(fault)
        } catch let error as DatabaseError where Store.Trouble(error) == .space {
            tell(.system(.noSpace))
        } catch let code as Errno {
            tell(.system(code))
        }
    }

    /// Goes on in this file: finds out what the log holds, in it or beside it, and takes what it misses from the outbox.
    private mutating func adopt(_ next: ResultsLog) throws {
        let (marks, stored) = try store.pool.read { db in (try LogTable.marks(db), try LogTable.lastSeq(db)) }
        let replay = LogReplay(store: store)
        let found = try LogRecovery(path: path, marks: marks, stored: stored).run { try replay.take($0) }
        try replay.finish(highestJob: found.highestJob)
        try next.resync()
        // The file that goes on from here is known before it takes the first line.
        let begin = try next.mark(seq: found.last)
        try store.pool.write { try LogTable.store(begin, isFirst: true, $0) }
        var missing: [UInt8] = []
        var last = found.last
        while let batch = try store.pool.read({ try LogTable.nextBatch(after: last, $0) }) {
            missing += Self.lines(of: batch, after: last)
            last = batch.lastSeq
        }
        tell(found, isMarked: !marks.isEmpty, stored: stored, replay)
        log = next
        seq = max(stored, found.last)
        (unappended, unappendedStart, unmarkedBytes) = (missing, 0, 0)
        guard !missing.isEmpty else { return }
        logger.notice("Lines that had not reached the results log are written now: \(missing.count) bytes.")
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

    /// Says what was found where log and store do not fit each other.
    private mutating func tell(_ found: LogRecovery.Finding, isMarked: Bool, stored: Int64, _ replay: LogReplay) {
        if found.last > stored {
            let what =
                stored == 0 && !isMarked
                ? "The store is new, but the results log \(path) has lines up to"
                : "The store is older than the results log \(path), which has lines up to"
            note("\(what) \(found.last), and the store knew \(stored): the numbers go on from there. \(replay.words)")
        }
        if found.isGone, held == nil {
            note(
                "The results log \(path) does not hold what it held at the last mark: what was not known to be safe (from line \(found.last + 1) on) is written again."
            )
        }
    }

    private mutating func note(_ words: String) {
        logger.warning("\(words)")
        findings.append(words)
    }

    /// What an administrator should know, besides the obstacle.
    var notices: [String] {
        guard let renamed, SteadyClock.nanoseconds() - renamed > Self.markInterval else { return findings }
        return findings + ["The results log \(path) has been renamed: lines go on in the renamed file until synscan reopen."]
    }

    /// Looks, some times a second, whether the log is still what was written.
    mutating func inspect() {
        let now = SteadyClock.nanoseconds()
        guard let log, held == nil, now - lastLook >= Self.lookInterval else { return }
        lastLook = now
        if let fault = log.inspect(thoroughly: true), fault.isHeld { return hold(fault) }
        let wasTold = renamed.map { now - $0 > Self.markInterval } ?? false
        renamed = log.isAtItsPath ? nil : renamed ?? now
        if let renamed, !wasTold, now - renamed > Self.markInterval {
            logger.warning("The results log \(path) has been renamed: lines go on in the renamed file until synscan reopen.")
        }
    }

    /// Lets everything wait until an administrator has seen to the log.
    private mutating func hold(_ fault: LogFault) {
        held = fault
        logger.error("The results log \(path) \(fault.words). Scans wait, nothing is lost, and synscan reopen goes on.")
        // Where the file is still there, what it misses is found out now, before a copy of it is moved away.
        guard let log, fault == .truncated || fault == .rewritten else { return }
        do {
            try adopt(log)
        } catch {
            logger.error("What the results log \(path) misses is found out later: \(error)")
            self.log = nil
        }
    }

    // MARK: - Lines

    /// True while committed lines wait for the log to take them, or it cannot take any.
    var isBlocked: Bool { !unappended.isEmpty || log == nil || held != nil }

    /// Why they wait; nil when none do.
    var obstacle: Obstacle? {
        guard isBlocked, let fault = held ?? lastFailure else { return nil }
        return fault.obstacle(path)
    }

    /// Whether appended lines wait for their mark.
    var isUnmarked: Bool { unmarkedBytes > 0 && !isBlocked }

    /// Makes the entries durable in one transaction and appends their lines; returns how each change went.
    ///
    /// Throws when the store takes nothing: then nothing has happened, and the same entries can be given again.
    mutating func write(_ entries: [RecordEntry]) throws -> [Result<Void, any Error>] {
        let mark = isMarkDue ? freshMark() : nil
        buffer.clear()
        let transaction = RecordTransaction(entries: entries, seq: seq, formatter: formatter, mark: mark)
        let result = try store.pool.write { db in try transaction.run(db, &buffer) }
        seq = result.seq
        if mark != nil { markIsStored() }
        appendNew()
        return result.outcomes
    }

    /// Appends the lines that have just been committed, behind those that wait.
    private mutating func appendNew() {
        guard buffer.count > 0 else { return }
        guard let log, !isBlocked else {
            buffer.withBytes { unappended.append(contentsOf: $0) }
            return appendRest()
        }
        let taken = note(buffer.withBytes { log.append($0) })
        // What a fault has made wait already is in the outbox.
        guard held == nil else { return }
        buffer.withBytes { unappended.append(contentsOf: $0[taken...]) }
    }

    /// Appends what waits.
    mutating func appendRest() {
        guard held == nil else { return }
        if log == nil {
            do {
                try attach()
            } catch {
                logger.error("\(error)")
            }
        }
        guard let log, !unappended.isEmpty else { return }
        let start = unappendedStart
        let appended = unappended.withUnsafeBytes { log.append(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        let taken = note(appended)
        guard held == nil else { return }
        unappendedStart += taken
        guard unappendedStart == unappended.count else { return }
        unappended = []
        unappendedStart = 0
    }

    /// Takes note of what the log has taken and returns its bytes. A log that takes nothing is told of once.
    private mutating func note(_ appended: (count: Int, failure: LogFault?)) -> Int {
        unmarkedBytes += appended.count
        if let failure = appended.failure {
            if failure.isHeld { hold(failure) } else { tell(failure) }
        } else if lastFailure != nil {
            logger.notice("The results log \(path) takes lines again.")
            lastFailure = nil
        }
        return appended.count
    }

    private mutating func tell(_ failure: LogFault) {
        if failure != lastFailure {
            logger.error(
                "The results log \(path) takes no lines (\(failure.words)): scans pause, nothing is lost, and it is tried again every second."
            )
        }
        lastFailure = failure
    }

    /// Goes on in the file that has the log's name now, making it if there is none. When this returns, every line so far is safe in the file before,
    /// or is about to be the first in the new one. It also ends the wait for a log that somebody has changed.
    ///
    /// Throws when the new file cannot be had; then the old one goes on.
    mutating func reopen() throws {
        lastLook = 0
        inspect()
        let isAtItsPath = log?.isAtItsPath ?? false
        if held != nil {
            if !isAtItsPath { try renew() }
            held = nil
            logger.notice("The results log \(path) goes on.")
        } else if let log {
            if !isAtItsPath { try goOn(from: log) }
        } else {
            try renew()
        }
        renamed = nil
        appendRest()
    }

    /// Begins with the file that has the log's name now as a start would.
    private mutating func renew() throws {
        do {
            try adopt(try ResultsLog.open(path, group: group))
        } catch let fault as LogFault {
            throw ServiceError("cannot open the results log \(path): \(fault.words)")
        }
    }

    /// Leaves a file that was renamed for the new one.
    private mutating func goOn(from log: ResultsLog) throws {
        appendRest()
        guard held == nil else { return try reopen() }
        let waiting = Int64(unappended[unappendedStart...].count { $0 == UInt8(ascii: "\n") })
        let safe = seq - waiting
        do {
            let end = try log.mark(seq: safe)
            try store.pool.write { try LogTable.store(end, $0) }
            markIsStored()
            let next = try ResultsLog.open(path, group: group)
            let begin = try next.mark(seq: safe)
            try store.pool.write { try LogTable.store(begin, isFirst: true, $0) }
            self.log = next
        } catch let fault as LogFault {
            throw ServiceError("cannot open the results log \(path): \(fault.words)")
        }
    }

    // MARK: - Marks

    /// Stores the mark by itself, when nothing else is written; the memory of many lines is given back.
    mutating func storeMark() throws {
        buffer = LineBuffer()
        guard isUnmarked, let mark = freshMark() else { return }
        try store.pool.write { try LogTable.store(mark, $0) }
        markIsStored()
    }

    private var isMarkDue: Bool {
        isUnmarked && (unmarkedBytes > Self.markBytes || SteadyClock.nanoseconds() - lastMark >= Self.markInterval)
    }

    /// Nil while the log does not hold all that is committed, or cannot be made durable.
    private mutating func freshMark() -> LogMark? {
        guard let log, !isBlocked else { return nil }
        do {
            return try log.mark(seq: seq)
        } catch let fault as LogFault where fault.isHeld {
            hold(fault)
        } catch {
            logger.error("The results log \(path) cannot be made durable: \((error as? LogFault)?.words ?? "\(error)"). It is tried again.")
        }
        lastMark = SteadyClock.nanoseconds()
        return nil
    }

    private mutating func markIsStored() {
        unmarkedBytes = 0
        lastMark = SteadyClock.nanoseconds()
    }
}
