import GRDB
import ScanService
import Testing

@Suite("Lines wait in the store until the log has them, byte for byte")
struct PackedLinesTests {
    private let directory: TemporaryDirectory
    private let store: Store

    init() throws {
        directory = try TemporaryDirectory()
        store = try Store(directory: directory.file("store"))
    }

    /// What the store gives back, and how many bytes it took.
    private func waiting(_ lines: [UInt8]) throws -> (lines: [UInt8]?, size: Int) {
        try store.pool.write { db in
            try lines.withUnsafeBytes { try LogTable.add($0, seqs: 1...2, db) }
            let size = try Int.fetchOne(db, sql: "SELECT length(lines) FROM outbox") ?? 0
            let batch = try LogTable.nextBatch(after: 0, db)
            try db.execute(sql: "DELETE FROM outbox")
            return (batch?.lines, size)
        }
    }

    @Test(
        "Whatever the lines are",
        arguments: [
            "\n", "a\n", "a\na\n", "\n\n\n", "{\"a\":9,\"b\":1}\n{\"a\":10,\"b\":1}\n{\"a\":1}\n", "one\n,\n\"\n,,\"\"\n\"\"\n",
            // More than a byte counts, the same and different.
            String(repeating: "x", count: 1000) + "\n" + String(repeating: "x", count: 999) + "y\n",
            String(repeating: "x", count: 600) + "\n" + String(repeating: "y", count: 700) + "\n" + String(repeating: ",", count: 300)
                + "\n",
            "ä\u{0}\n\u{0}ä\n",
        ])
    func exact(text: String) throws {
        #expect(try waiting(Array(text.utf8)).lines == Array(text.utf8))
    }

    @Test("Also lines without sense, of few different bytes")
    func random() throws {
        for _ in 0..<200 {
            let bytes = (0..<Int.random(in: 1...400)).map { _ in Array("a,b\"\n".utf8).randomElement() ?? 0 } + [0x0A]
            #expect(try waiting(bytes).lines == bytes)
        }
    }

    @Test("Findings take less than a fifth of the space that they have in the log")
    func small() throws {
        var buffer = LineBuffer()
        for number in 1...1000 {
            let finding = StoredFinding(Samples.observation(UInt32(number * 7919 % 65_536)), interfaces: [])
            Samples.formatter.append(finding, seq: Int64(number), job: 1, name: nil, to: &buffer)
        }
        let (lines, size) = try waiting(buffer.bytes)
        #expect(lines == buffer.bytes && size < buffer.count / 5, "\(size) of \(buffer.count) bytes")
    }

    @Test(
        "A store that was damaged there is told, and nothing is made up", arguments: ["090000", "000009", "0000010A030000", "00"])
    func damaged(bytes: String) throws {
        try store.pool.write { db in
            try db.execute(sql: "INSERT INTO outbox VALUES (1, 2, x'\(bytes)', 1)")
            #expect(throws: ServiceError.self) { try LogTable.nextBatch(after: 0, db) }
        }
    }
}
