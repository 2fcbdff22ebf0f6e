import GRDB
import GRDBSQLite
import ScanAPI
import ScanTargets

/// Stores findings, one prepared statement for the many of a transaction. Used inside one transaction, on its thread.
struct FindingInsert: ~Copyable {
    private let statement: OpaquePointer
    private let connection: OpaquePointer
    /// What each text was bound to last: a binding holds until it is replaced, and most findings of a batch have the same words.
    private var bound: (state: String?, reason: String?, interface: String?, conflict: String?) = (nil, nil, nil, nil)

    /// SQLite copies what it is given; the C macro's value, SQLITE_TRANSIENT, is not imported.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// The columns in the order of the parameters.
    private static let sql = """
        INSERT OR IGNORE INTO findings (job, address, port, time, state, reason, ttl, rtt, window, mss, attempt, interface, conflict)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """

    init(_ db: Database) throws {
        var prepared: OpaquePointer?
        guard let connection = db.sqliteConnection, sqlite3_prepare_v2(connection, Self.sql, -1, &prepared, nil) == SQLITE_OK,
            let prepared
        else { throw DatabaseError(resultCode: .SQLITE_ERROR, message: db.lastErrorMessage, sql: Self.sql) }
        self.connection = connection
        statement = prepared
    }

    deinit {
        sqlite3_finalize(statement)
    }

    /// Stores a finding of `job`; false when the job has one of this target already. Throws `DatabaseError`.
    mutating func insert(_ finding: StoredFinding, job: Int64) throws -> Bool {
        sqlite3_bind_int64(statement, 1, job)
        bind(finding.endpoint.address, at: 2)
        sqlite3_bind_int64(statement, 3, Int64(finding.endpoint.port))
        sqlite3_bind_int64(statement, 4, finding.time.microseconds)
        Self.rebind(finding.state.rawValue, at: 5, of: statement, &bound.state)
        Self.rebind(finding.reason, at: 6, of: statement, &bound.reason)
        bind(finding.ttl, at: 7)
        bind(finding.rttMicroseconds, at: 8)
        bind(finding.window, at: 9)
        bind(finding.mss, at: 10)
        bind(finding.attempt, at: 11)
        Self.rebind(finding.interface, at: 12, of: statement, &bound.interface)
        Self.rebind(finding.conflict, at: 13, of: statement, &bound.conflict)
        let code = sqlite3_step(statement)
        sqlite3_reset(statement)
        guard code == SQLITE_DONE else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: String(cString: sqlite3_errmsg(connection)))
        }
        return sqlite3_changes(connection) == 1
    }

    private func bind(_ address: IPAddress, at index: Int32) {
        if let number = address.v4 {
            sqlite3_bind_int64(statement, index, Int64(number))
        } else {
            withUnsafeBytes(of: address.value.bigEndian) { bytes in
                _ = sqlite3_bind_blob(statement, index, bytes.baseAddress, Int32(bytes.count), Self.copied)
            }
        }
    }

    /// A parameter that was never bound is null (sqlite3_bind).
    private static func rebind(_ text: String?, at index: Int32, of statement: OpaquePointer, _ bound: inout String?) {
        guard text != bound else { return }
        bound = text
        guard var text else {
            sqlite3_bind_null(statement, index)
            return
        }
        text.withUTF8 { bytes in
            _ = bytes.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text(statement, index, $0.baseAddress, Int32($0.count), copied)
            }
        }
    }

    private func bind(_ number: (some FixedWidthInteger)?, at index: Int32) {
        if let number { sqlite3_bind_int64(statement, index, Int64(clamping: number)) } else { sqlite3_bind_null(statement, index) }
    }
}
