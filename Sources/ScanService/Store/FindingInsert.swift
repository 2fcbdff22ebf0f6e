import GRDB
import GRDBSQLite
import ScanAPI
import ScanTargets

/// Stores findings, some at a time with one statement: each statement costs as much again as a row. Used inside one transaction, on its thread.
struct FindingInsert: ~Copyable {
    /// How many findings a statement stores.
    let rows: Int
    private let statement: OpaquePointer
    private let connection: OpaquePointer
    /// How many have been put since the last step.
    private var count = 0
    /// What each text was bound to last: a binding holds until it is replaced, and most findings of a batch have the same words.
    private var bound: [(state: String?, reason: String?, interface: String?, conflict: String?)]

    /// What is worth a statement when there is much to store.
    static let mostRows = 32

    /// SQLite copies what it is given; the C macro's value, SQLITE_TRANSIENT, is not imported.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    /// The columns in the order of the parameters.
    private static let columns = "job, address, port, time, state, reason, ttl, rtt, window, mss, attempt, interface, conflict, unverified"
    private static let parameters = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    private static let columnCount = 14

    /// Throws `DatabaseError`.
    init(_ db: Database, rows: Int) throws {
        let values = repeatElement(Self.parameters, count: rows).joined(separator: ", ")
        let sql = "INSERT OR IGNORE INTO findings (\(Self.columns)) VALUES \(values)"
        var prepared: OpaquePointer?
        guard let connection = db.sqliteConnection, sqlite3_prepare_v2(connection, sql, -1, &prepared, nil) == SQLITE_OK, let prepared
        else { throw DatabaseError(resultCode: .SQLITE_ERROR, message: db.lastErrorMessage, sql: sql) }
        self.rows = rows
        self.connection = connection
        statement = prepared
        bound = Array(repeating: (nil, nil, nil, nil), count: rows)
    }

    deinit {
        sqlite3_finalize(statement)
    }

    /// Puts the next finding; `rows` of them make a step.
    mutating func put(_ finding: StoredFinding, job: Int64) {
        let first = Int32(truncatingIfNeeded: count * Self.columnCount)
        sqlite3_bind_int64(statement, first + 1, job)
        bind(finding.endpoint.address, at: first + 2)
        sqlite3_bind_int64(statement, first + 3, Int64(finding.endpoint.port))
        sqlite3_bind_int64(statement, first + 4, finding.time.microseconds)
        Self.rebind(finding.state.rawValue, at: first + 5, of: statement, &bound[count].state)
        Self.rebind(finding.reason, at: first + 6, of: statement, &bound[count].reason)
        bind(finding.ttl, at: first + 7)
        bind(finding.rttMicroseconds, at: first + 8)
        bind(finding.window, at: first + 9)
        bind(finding.mss, at: first + 10)
        bind(finding.attempt, at: first + 11)
        Self.rebind(finding.interface, at: first + 12, of: statement, &bound[count].interface)
        Self.rebind(finding.conflict, at: first + 13, of: statement, &bound[count].conflict)
        bind(finding.isUnverified ? 1 : nil as Int?, at: first + 14)
        count += 1
    }

    /// Stores those that were put, but for what their jobs have already; returns how many are stored, in the order in which they were put and each with
    /// a greater id than any before. Throws `DatabaseError`.
    mutating func step() throws -> Int {
        count = 0
        let code = sqlite3_step(statement)
        sqlite3_reset(statement)
        guard code == SQLITE_DONE else {
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: String(cString: sqlite3_errmsg(connection)))
        }
        return Int(sqlite3_changes(connection))
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
