import GRDB
import Glibc
import Logging
import ScanAPI
import ScanEngine
import ScanService
import Testing

/// Crashes are made by hand: the store as it is after a commit, and the log in every shape that a crash between commit, append and mark leaves.
@Suite("After a crash the log holds every line once")
struct LogRecoveryTests {
    private let directory: TemporaryDirectory
    private let store: Store
    /// Ten lines; the first four are marked, the others are in the outbox, in batches.
    private let lines: [[UInt8]]

    init() throws {
        directory = try TemporaryDirectory()
        store = try Store(directory: directory.file("store"))
        lines = (1...10).map { seq in
            var buffer = LineBuffer()
            let finding = StoredFinding(Samples.observation(UInt32(seq)), interfaces: [])
            Samples.formatter.append(finding, seq: Int64(seq), job: 1, name: nil, to: &buffer)
            return buffer.bytes
        }
    }

    private var marked: [UInt8] { Array(lines[..<4].joined()) }
    private var all: [UInt8] { Array(lines.joined()) }

    /// Makes the store what it is when lines 5 to 10 are committed and the file called `name` was marked after `before` and line 4.
    private func crash(marking name: String, before: [UInt8] = []) throws {
        var status = stat()
        #expect(lstat(directory.file(name), &status) == 0)
        let beginning = before + marked
        let mark = LogMark(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), offset: Int64(beginning.count), seq: 4, tail: beginning.suffix(64))
        try store.pool.write { db in
            try db.execute(sql: "DELETE FROM outbox")
            for (first, last) in [(3, 4), (5, 6), (7, 7), (8, 10)] {
                try Array(lines[(first - 1)..<last].joined()).withUnsafeBytes {
                    try LogTable.add($0, seqs: Int64(first)...Int64(last), db)
                }
            }
            try LogTable.store(mark, db)
        }
    }

    private func restart() throws {
        try Recorder(
            store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ).stop()
    }

    @Test("Wherever the append broke off: at every byte of the last two lines, and at many before")
    func tornAnywhere() throws {
        let last = lines[..<8].joined().count
        for cut in Array(stride(from: marked.count, to: last, by: 37)) + Array(last...all.count) {
            try directory.write(all[..<cut], to: "log")
            try crash(marking: "log")
            try restart()
            #expect(directory.read("log") == all, "cut at \(cut)")
        }
    }

    @Test("Wherever the append broke off, with other content before")
    func tornAfterForeignBeginning() throws {
        let before = Array("older lines\n".utf8)
        for cut in stride(from: marked.count, through: all.count, by: 37) {
            try directory.write(before + all[..<cut], to: "log")
            try crash(marking: "log", before: before)
            try restart()
            #expect(directory.read("log") == before + all, "cut at \(cut)")
        }
    }

    @Test("A crash in the middle of the repair is repaired again")
    func twice() throws {
        try directory.write(all[..<(marked.count + 5)], to: "log")
        try crash(marking: "log")
        try restart()
        try restart()
        #expect(directory.read("log") == all)
        #expect(try store.pool.read(LogTable.mark)?.seq == 10)
    }

    @Test(
        "What a power loss left behind the mark, zeros or noise, is cut off",
        arguments: [[UInt8](repeating: 0, count: 300), Array("x\n{}\n".utf8)])
    func noise(bytes: [UInt8]) throws {
        try directory.write(marked + lines[4] + bytes, to: "log")
        try crash(marking: "log")
        try restart()
        #expect(directory.read("log") == all)
    }

    @Test("A log that was renamed is read on under its new name, and the rest begins the new file")
    func rotated() throws {
        for cut in stride(from: marked.count, through: all.count, by: 61) {
            try directory.write(all[..<cut], to: "log.1")
            unlink(directory.file("log"))
            try crash(marking: "log.1")
            try restart()
            let both = (directory.read("log.1") ?? []) + (directory.read("log") ?? [])
            #expect(both == all, "cut at \(cut)")
        }
    }

    @Test("A log that was renamed when the new file had lines already")
    func rotatedWithNewFile() throws {
        for cut in stride(from: 0, through: lines[6...].joined().count, by: 23) {
            try directory.write(lines[..<6].joined(), to: "log.1")
            try directory.write(Array(lines[6...].joined())[..<cut], to: "log")
            try crash(marking: "log.1")
            try restart()
            let both = (directory.read("log.1") ?? []) + (directory.read("log") ?? [])
            #expect(both == all, "cut at \(cut)")
        }
    }

    @Test("Where the log has gone, what is not known to be safe is written again")
    func gone() throws {
        try directory.write(all, to: "log")
        try crash(marking: "log")
        unlink(directory.file("log"))
        try restart()
        #expect(directory.read("log") == Array(lines[4...].joined()))
    }

    @Test("Another file that got the same number is not taken for the log")
    func inodeUsedAgain() throws {
        try directory.write(all, to: "log")
        try crash(marking: "log")
        let other = Array(String(repeating: "another program's file\n", count: 200).utf8)
        try directory.write(other, to: "log")
        try restart()
        #expect(directory.read("log") == other + Array(lines[4...].joined()))
    }

    @Test("A log that was emptied is gone on with")
    func emptied() throws {
        try directory.write(all, to: "log")
        try crash(marking: "log")
        try directory.write([UInt8](), to: "log")
        try restart()
        #expect(directory.read("log") == Array(lines[4...].joined()))
    }
}
