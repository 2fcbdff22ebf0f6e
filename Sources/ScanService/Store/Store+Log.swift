import FoundationEssentials
package import GRDB

/// Up to where the results log is known to be safe in a file.
package struct LogMark: Sendable, Equatable {
    package var device: UInt64
    package var inode: UInt64
    /// The file's length when it was marked.
    package var offset: Int64
    /// The last line before `offset`.
    package var seq: Int64
    /// The last bytes before `offset`, by which the file is known again.
    package var tail: [UInt8]

    /// Some lines, with their numbers and times: no other file ends like that.
    package static let tailLength: Int64 = 1024

    package init(device: UInt64, inode: UInt64, offset: Int64, seq: Int64, tail: [UInt8]) {
        self.device = device
        self.inode = inode
        self.offset = offset
        self.seq = seq
        self.tail = tail
    }
}

/// Lines that may not have reached the log yet, each ended by a line feed.
package struct OutboxBatch: Sendable, Equatable {
    package let firstSeq: Int64
    package let lastSeq: Int64
    package let lines: [UInt8]

    package init(firstSeq: Int64, lastSeq: Int64, lines: [UInt8]) {
        self.firstSeq = firstSeq
        self.lastSeq = lastSeq
        self.lines = lines
    }
}

/// The results log's side of the store. All are called inside a transaction.
package enum LogTable {
    /// The number of the last line, 0 before the first.
    package static func lastSeq(_ db: Database) throws -> Int64 {
        try Int64.fetchOne(db, sql: "SELECT seq FROM log") ?? 0
    }

    /// The marks by which the log's file may be known, the latest first, at most two: a copy of the file may have been made before the latest.
    package static func marks(_ db: Database) throws -> [LogMark] {
        try Row.fetchAll(db, sql: "SELECT device, inode, offset, seq, tail FROM marks ORDER BY id DESC").map { row in
            LogMark(
                device: UInt64(bitPattern: row[0] as Int64), inode: UInt64(bitPattern: row[1] as Int64), offset: row[2], seq: row[3],
                tail: [UInt8](row[4] as Data))
        }
    }

    /// Stores the mark, the first one of its file or not, and drops the batches that the mark before covers, too: while the log is copied and cut off by
    /// somebody, lines may come to stand behind the copy and before the latest mark.
    package static func store(_ mark: LogMark, isFirst: Bool = false, _ db: Database) throws {
        try db.execute(
            sql: "DELETE FROM outbox WHERE last_seq <= min(?, ifnull((SELECT seq FROM marks ORDER BY id DESC LIMIT 1), 0))",
            arguments: [mark.seq])
        try db.execute(
            sql: "DELETE FROM marks WHERE ? OR id < (SELECT max(id) FROM marks)", arguments: [isFirst])
        try db.execute(
            sql: "INSERT INTO marks (device, inode, offset, seq, tail) VALUES (?, ?, ?, ?, ?)",
            arguments: [
                Int64(bitPattern: mark.device), Int64(bitPattern: mark.inode), mark.offset, mark.seq, Data(mark.tail),
            ])
        try db.execute(sql: "UPDATE log SET seq = max(seq, ?)", arguments: [mark.seq])
    }

    /// Keeps whole lines, each ended by a line feed, until a mark covers them.
    package static func add(_ lines: UnsafeRawBufferPointer, seqs: ClosedRange<Int64>, _ db: Database) throws {
        try db.execute(
            sql: "INSERT INTO outbox (first_seq, last_seq, lines, is_packed) VALUES (?, ?, ?, 1)",
            arguments: [seqs.lowerBound, seqs.upperBound, Data(PackedLines.pack(lines))])
        try db.execute(sql: "UPDATE log SET seq = ?", arguments: [seqs.upperBound])
    }

    /// The batch that holds the lines after `seq`, or nil; it may begin before them. Throws when the store is damaged.
    package static func nextBatch(after seq: Int64, _ db: Database) throws -> OutboxBatch? {
        let row = try Row.fetchOne(
            db, sql: "SELECT first_seq, last_seq, lines, is_packed FROM outbox WHERE last_seq > ? ORDER BY first_seq LIMIT 1",
            arguments: [seq])
        guard let row else { return nil }
        let bytes = [UInt8](row[2] as Data)
        guard let lines = row[3] ? PackedLines.unpack(bytes) : bytes else {
            throw ServiceError("the store's lines from \(row[0] as Int64) on, which the results log has not got yet, are damaged")
        }
        return OutboxBatch(firstSeq: row[0], lastSeq: row[1], lines: lines)
    }
}
