package import GRDB
import Glibc
import PacketIO
import Synchronization
import SystemPackage

/// The daemon's memory: jobs, findings, checkpoints, and the results log's outbox and mark, in one SQLite database.
///
/// One connection writes, the recorder's thread being its main user; any number reads. Every transaction is durable when it returns.
package final class Store: Sendable {
    package let directory: String
    package let pool: DatabasePool
    /// What the start has found, in words, for an administrator.
    package let findings: [String]
    /// Whether a damaged database was put aside for this one.
    package let isReplacement: Bool
    let watch: StoreWatch
    let reserve: DiskReserve
    private let lock: ProcessLock
    private let isCopying = Atomic<Bool>(false)
    private let checker = Mutex<WorkerThread?>(nil)

    package static let fileName = "synscan.db"
    private static let lockName = "synscan.lock"

    /// Opens the store in `directory`, making both if they are not there, and brings its tables up to date. A damaged database is put aside and a new
    /// one begun.
    ///
    /// Throws when another process has it open, when a newer version of synscan wrote it, or when it cannot be read and written. Where that is for want
    /// of space, `wait` is told in words and asked whether to try again; it may block.
    package init(directory: String, wait: (String) -> Bool = { _ in false }) throws(ServiceError) {
        self.directory = directory
        try StoreDirectory.claim(directory)
        lock = try ProcessLock("\(directory)/\(Self.lockName)", protecting: "the store \(directory)")
        StoreDirectory.tidy(directory)
        reserve = DiskReserve(directory: directory)
        watch = StoreWatch(directory: directory, file: Self.fileName)
        let path = "\(directory)/\(Self.fileName)"
        var findings: [String] = []
        var opened: DatabasePool?
        while opened == nil {
            do {
                opened = try Self.open(path, isSuspect: watch.isSuspect)
            } catch let error as ServiceError {
                throw error
            } catch {
                let words = "the store \(path) cannot be used: \(error)"
                switch Trouble(error) {
                case .damage where findings.isEmpty:
                    let kept = try StoreDirectory.putAside(Self.fileName, in: directory)
                    findings.append(
                        "The store's database was damaged (\(error)): it is kept as \(kept), and a new one has been begun. "
                            + "What the jobs had found stands in the results log.")
                case .space:
                    guard reserve.release() || wait("no space for the store (\(error))") else { throw ServiceError(words) }
                case .damage, .other: throw ServiceError(words)
                }
            }
        }
        guard let opened else { throw ServiceError("the store \(path) cannot be used") }
        pool = opened
        watch.begin()
        reserve.prepare()
        self.findings = findings
        isReplacement = !findings.isEmpty
    }

    /// Puts everything into the database's own file and ends all connections; for the end of the process. A database whose file was deleted is written
    /// anew. Blocks.
    package func close() {
        pool.interrupt()
        checker.withLock { checker in
            checker?.join()
            checker = nil
        }
        if watch.isDeleted { restoreFile() }
        _ = try? checkpoint()
        try? pool.close()
    }

    /// Has everything that was committed written into the database's own file, and the write-ahead log emptied; false while somebody reads. Blocks.
    @discardableResult
    package func checkpoint() throws -> Bool {
        try pool.writeWithoutTransaction { db in
            // Who reads at the moment is not waited for.
            try db.execute(sql: "PRAGMA busy_timeout = 0")
            defer { try? db.execute(sql: "PRAGMA busy_timeout = \(Self.busyTimeout)") }
            return try Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)") == 0
        }
    }

    /// Looks through a database that was too large for that at the start, on a thread of its own.
    package func checkInBackground() throws {
        guard try Self.size("\(directory)/\(Self.fileName)") > Self.quicklyChecked else { return }
        let (pool, watch) = (pool, watch)
        let thread = try WorkerThread("store check") {
            do {
                try pool.unsafeRead { try Self.check($0) }
            } catch {
                watch.note(error)
            }
        }
        checker.withLock { $0 = thread }
    }

    // MARK: - Opening

    /// So much is looked through in a fraction of a second.
    private static let quicklyChecked: Int64 = 64 << 20
    /// ms
    private static let busyTimeout = 5000

    private static func open(_ path: String, isSuspect: Bool) throws -> DatabasePool {
        var configuration = GRDB.Configuration()
        configuration.label = "store"
        configuration.busyMode = .timeout(Double(busyTimeout) / 1000)
        configuration.maximumReaderCount = 8
        configuration.prepareDatabase { db in
            // Only a database that is made now takes this one: pages of deleted jobs can be given back later.
            if !db.configuration.readonly, try Int.fetchOne(db, sql: "PRAGMA page_count") == 0 {
                try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            }
            // Debian's SQLite writes zeros over whole pages that are given up: every page of the outbox would be written once more.
            if !db.configuration.readonly { try db.execute(sql: "PRAGMA secure_delete = FAST") }
            // In KiB. Findings arrive in random order, so the writer touches the whole of a running job's table.
            try db.execute(sql: "PRAGMA cache_size = \(db.configuration.readonly ? -4096 : -65536)")
        }
        let pool = try DatabasePool(path: path, configuration: configuration)
        do {
            if try isSuspect || size(path) <= quicklyChecked { try pool.unsafeRead { try check($0) } }
            try migrate(pool)
            try makeDurable(pool)
            return pool
        } catch {
            try? pool.close()
            throw error
        }
    }

    /// Throws `DatabaseError` for a database that is not whole.
    private static func check(_ db: Database) throws {
        guard let fault = try String.fetchOne(db, sql: "PRAGMA quick_check(1)"), fault != "ok" else { return }
        throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: fault)
    }

    /// Bytes of the database with its write-ahead log.
    private static func size(_ path: String) throws -> Int64 {
        [path, path + "-wal"].reduce(0) { sum, name in
            var status = stat()
            return stat(name, &status) == 0 ? sum + Int64(status.st_size) : sum
        }
    }

    private static func migrate(_ pool: DatabasePool) throws {
        let migrator = Schema.migrator
        guard try !pool.read(migrator.hasBeenSuperseded) else {
            throw ServiceError("the store was written by a newer synscan: install that version again, or choose another [store] directory")
        }
        // A full disk is no reason not to start.
        guard try !pool.read(migrator.hasCompletedMigrations) else { return }
        try migrator.migrate(pool)
        // One that has read before prepares statements for the columns of then.
        pool.invalidateReadOnlyConnections()
    }

    /// GRDB sets `synchronous` to NORMAL when it opens a pool, after its own preparation; so FULL comes last and is read back.
    private static func makeDurable(_ pool: DatabasePool) throws {
        try pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            // 64 MiB of 4 KiB pages: what is written again and again until then reaches the database once.
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 16384")
            try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
            guard try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2 else {
                throw ServiceError("the store refuses to make transactions durable (synchronous=FULL)")
            }
        }
    }

    // MARK: - Copies

    /// Writes the database that is open, but whose file is gone, under its name again.
    private func restoreFile() {
        let path = "\(directory)/\(Self.fileName)"
        let new = "\(directory)/\(StoreDirectory.temporaryPrefix)\(getpid()).tmp"
        do {
            // The whole directory may be gone.
            mkdir(directory, 0o700)
            try copy(to: new)
            // What was left of the old one would be taken for a part of the new one.
            for ending in ["-wal", "-shm"] { unlink(path + ending) }
            rename(new, path)
        } catch {
            unlink(new)
        }
    }

    /// Writes a copy of everything as it is now, a database without a write-ahead log, into a new file. Blocks.
    private func copy(to path: String) throws {
        let sql = "VACUUM INTO ?"
        if watch.problem == nil {
            try pool.unsafeRead { try $0.execute(sql: sql, arguments: [path]) }
        } else {
            // Of a database whose file is gone no other connection can be opened than those that are.
            try pool.writeWithoutTransaction { try $0.execute(sql: sql, arguments: [path]) }
        }
    }

    /// A copy of everything as it is now, in a file that nobody can reach by name and that goes with its descriptor. Blocks. `spare` bytes stay free.
    package func backup(spare: Int64) throws -> Backup {
        guard !isCopying.exchange(true, ordering: .acquiring) else {
            throw ServiceError("one is being made already, try again when it is done")
        }
        defer { isCopying.store(false, ordering: .releasing) }
        let path = "\(directory)/\(StoreDirectory.temporaryPrefix)\(getpid()).tmp"
        let size = try Self.size("\(directory)/\(Self.fileName)")
        if let free = FreeSpace.free(directory), free - spare < size {
            throw ServiceError(
                "it takes up to \(size >> 20) MiB in \(directory) for a while, which has \(free >> 20) MiB left "
                    + "([results] min_free keeps \(spare >> 20))")
        }
        defer { unlink(path) }
        try copy(to: path)
        return try Backup(path)
    }

    /// The copy of a store.
    package final class Backup: Sendable {
        /// Bytes.
        package let size: Int64
        private let file: FileDescriptor

        fileprivate init(_ path: String) throws {
            file = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow])
            size = try file.seek(offset: 0, from: .end)
        }

        deinit {
            try? file.close()
        }

        /// The bytes from `offset` on, at most `count`. Blocks.
        package func read(at offset: Int64, count: Int) throws -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            let taken = try bytes.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: offset, into: $0) }
            return Array(bytes.prefix(taken))
        }
    }
}

extension Store {
    /// What an error of SQLite means for the store as a whole.
    package enum Trouble: Sendable {
        /// There is no room.
        case space
        /// The database is not whole.
        case damage
        case other

        package init(_ error: any Error) {
            let codes = (error as? DatabaseError).map { [$0.resultCode, $0.extendedResultCode] } ?? []
            if codes.contains(.SQLITE_FULL) || codes.contains(.SQLITE_IOERR_SHMSIZE) {
                self = .space
            } else if codes.contains(.SQLITE_CORRUPT) || codes.contains(.SQLITE_NOTADB) {
                self = .damage
            } else {
                self = .other
            }
        }
    }
}
