package import GRDB
import Glibc
import SystemPackage

/// The daemon's memory: jobs, findings, checkpoints, and the results log's outbox and mark, in one SQLite database.
///
/// One connection writes, the recorder's thread being its main user; any number reads. Every transaction is durable when it returns.
package final class Store: Sendable {
    package let directory: String
    package let pool: DatabasePool
    private let lock: ProcessLock

    package static let fileName = "synscan.db"
    private static let lockName = "synscan.lock"

    /// Opens the store in `directory`, making both if they are not there, and brings its tables up to date.
    ///
    /// Throws when another process has it open, when a newer version of synscan wrote it, or when it cannot be read and written.
    package init(directory: String) throws(ServiceError) {
        self.directory = directory
        try Self.makeDirectory(directory)
        lock = try ProcessLock("\(directory)/\(Self.lockName)", protecting: "the store \(directory)")
        do {
            pool = try Self.open("\(directory)/\(Self.fileName)")
            try Self.migrate(pool)
            try Self.makeDurable(pool)
        } catch let error as ServiceError {
            throw error
        } catch {
            throw ServiceError("the store \(directory)/\(Self.fileName) cannot be used: \(error)")
        }
    }

    /// Ends all connections; for the end of the process.
    package func close() {
        try? pool.close()
    }

    private static func makeDirectory(_ path: String) throws(ServiceError) {
        if mkdir(path, 0o700) != 0, errno != EEXIST {
            throw ServiceError("cannot make the store directory \(path): \(Errno(rawValue: errno))")
        }
        guard chmod(path, 0o700) == 0 else {
            throw ServiceError("cannot close the store directory \(path) to others: \(Errno(rawValue: errno))")
        }
    }

    private static func open(_ path: String) throws -> DatabasePool {
        var configuration = GRDB.Configuration()
        configuration.label = "store"
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 8
        configuration.prepareDatabase { db in
            // Only a database that is made now takes this one: pages of deleted jobs can be given back later.
            if !db.configuration.readonly { try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL") }
            // Debian's SQLite writes zeros over whole pages that are given up: every page of the outbox would be written once more.
            if !db.configuration.readonly { try db.execute(sql: "PRAGMA secure_delete = FAST") }
            // In KiB. Findings arrive in random order, so the writer touches the whole of a running job's table.
            try db.execute(sql: "PRAGMA cache_size = \(db.configuration.readonly ? -4096 : -65536)")
        }
        return try DatabasePool(path: path, configuration: configuration)
    }

    private static func migrate(_ pool: DatabasePool) throws {
        let migrator = Schema.migrator
        guard try !pool.read(migrator.hasBeenSuperseded) else {
            throw ServiceError("the store was written by a newer synscan: install that version again, or choose another [store] directory")
        }
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

    /// What the writing connection's `PRAGMA synchronous` says: 2 is FULL.
    package func synchronousLevel() throws -> Int? {
        try pool.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
    }
}
