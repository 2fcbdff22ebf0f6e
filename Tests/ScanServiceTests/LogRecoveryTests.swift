import GRDB
import Glibc
import Logging
import ScanAPI
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
    private func crash(marking name: String, before: [UInt8] = [], device: UInt64? = nil, inode: UInt64? = nil) throws {
        var mark = try mark(name, after: before + marked, seq: 4)
        if let device { mark.device = device }
        if let inode { mark.inode = inode }
        try store.pool.write { db in
            try db.execute(sql: "DELETE FROM outbox")
            for (first, last) in [(3, 4), (5, 6), (7, 7), (8, 10)] {
                try Array(lines[(first - 1)..<last].joined()).withUnsafeBytes {
                    try LogTable.add($0, seqs: Int64(first)...Int64(last), db)
                }
            }
            try LogTable.store(mark, isFirst: true, db)
        }
    }

    private func mark(_ name: String, after bytes: [UInt8], seq: Int64) throws -> LogMark {
        var status = stat()
        try #require(lstat(directory.file(name), &status) == 0)
        return LogMark(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), offset: Int64(bytes.count), seq: seq,
            tail: bytes.suffix(Int(LogMark.tailLength)))
    }

    private static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    private func recorder() throws -> Recorder {
        try Recorder(store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter, logger: Self.quiet)
    }

    private func restart() throws { try recorder().stop() }

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
        #expect(try store.pool.read(LogTable.marks).first?.seq == 10)
    }

    @Test("Zeros that a power loss left behind the mark are cut off, wherever they stand")
    func zeros() throws {
        let zeros = [UInt8](repeating: 0, count: 300)
        let behind: [[UInt8]] = [
            zeros, zeros + lines[6], zeros + [10] + lines[6] + zeros, lines[7] + zeros + lines[8].prefix(40), lines[8] + lines[9],
        ]
        for bytes in behind {
            try directory.write(marked + lines[4] + bytes, to: "log")
            try crash(marking: "log")
            try restart()
            #expect(directory.read("log") == all)
        }
    }

    @Test("What somebody has appended stays, and every line of ours is there once, wherever the append broke off")
    func foreignLines() throws {
        let words = Array("# maintenance by ops\n{\"note\":1}\n".utf8)
        for cut in stride(from: marked.count, through: all.count, by: 37) {
            let whole = all[..<cut].lastIndex(of: 10).map { $0 + 1 } ?? 0
            // Behind whole lines, behind a torn one that was ended, and before one.
            let (kept, torn) = (Array(all[..<whole]), Array(all[whole..<cut]))
            let logs: [[UInt8]] = [kept + words, kept + torn + [10] + words, kept + words + torn]
            for log in logs {
                try directory.write(log, to: "log")
                try crash(marking: "log")
                try restart()
                let text = try #require(directory.text("log"))
                for line in String(decoding: words, as: UTF8.self).split(separator: "\n") { #expect(text.contains(line), "cut at \(cut)") }
                let ours = text.split(separator: "\n").map { Array(String($0).utf8) + [10] }.filter { lines.contains($0) }
                #expect(ours.count == lines.count && Set(ours) == Set(lines), "cut at \(cut)")
            }
        }
    }

    @Test("Another device number, as after a reboot, or another inode, as after a copy to another disk, is the same file")
    func elsewhere() throws {
        for cut in stride(from: marked.count, through: all.count, by: 61) {
            for (device, inode) in [(UInt64(999), nil), (nil, UInt64(999_999_999)), (1, 2)] as [(UInt64?, UInt64?)] {
                try directory.write(all[..<cut], to: "log")
                try crash(marking: "log", device: device, inode: inode)
                try restart()
                #expect(directory.read("log") == all, "cut at \(cut)")
            }
        }
    }

    @Test("A log that was copied and cut off in place, before a crash: every line is in the copy or in the log, none in both")
    func copyTruncate() throws {
        for cut in stride(from: marked.count, through: all.count, by: 41) {
            let whole = all[..<cut].lastIndex(of: 10).map { $0 + 1 } ?? 0
            // Lines that were appended after the cut: none, the next ones, or later ones after a gap.
            for rest in [[], Array(all[whole...].prefix(700)), lines[9]] as [[UInt8]] {
                try directory.write(all, to: "log")
                try crash(marking: "log")
                try directory.write(all[..<cut], to: "log.1")
                try directory.write(rest, to: "log")
                try restart()
                let both = (directory.read("log.1") ?? []) + (directory.read("log") ?? [])
                #expect(both == all, "cut at \(cut), \(rest.count)")
                unlink(directory.file("log.1"))
            }
        }
    }

    @Test("A log that was marked once more between copy and cut: the lines that stood in neither come again")
    func markedBetweenCopyAndCut() throws {
        for copied in 4...8 {
            try directory.write(all, to: "log")
            try crash(marking: "log")
            let later = try mark("log", after: Array(lines[..<8].joined()), seq: 8)
            try store.pool.write { try LogTable.store(later, $0) }
            try directory.write(Array(lines[..<copied].joined()), to: "log.1")
            truncate(directory.file("log"), 0)
            try restart()
            let both = (directory.read("log.1") ?? []) + (directory.read("log") ?? [])
            #expect(both == all, "copied up to line \(copied)")
            unlink(directory.file("log.1"))
        }
    }

    @Test(
        "A store that is new beside a log that has lines goes on with its numbers, also where the log has just been renamed",
        arguments: ["log", "log.1"])
    func storeLost(name: String) async throws {
        var buffer = LineBuffer()
        Samples.formatter.append(
            JobLine(.queued, time: Timestamp(microseconds: 1), job: 41, name: nil), seq: 11, to: &buffer)
        let before = all + Array("words\n".utf8) + buffer.bytes
        try directory.write(before, to: name)
        let recorder = try recorder()
        let job = try await recorder.perform { db in
            var record = Samples.record(name: "new")
            try record.insert(Samples.selection, db)
            return (record.id, [JobLine(.queued, time: Timestamp(microseconds: 1), job: record.id, name: nil)])
        }
        #expect(job == 42)
        #expect(recorder.obstacles.notices.contains { $0.contains("lines up to 11") })
        recorder.stop()
        let log = try #require(directory.text("log"))
        #expect(directory.read(name)?.starts(with: before) == true)
        #expect(log.split(separator: "\n").last?.hasPrefix("{\"v\":1,\"seq\":12,") == true)
    }

    @Test("A store that is older than the log, from a backup or a damaged disk: what the log has is known again, nothing is logged twice")
    func storeOlder() async throws {
        let job = try Samples.insertJob(store)
        let first = try recorder()
        first.sink(job: job, name: nil).deliver((0..<20).map { Samples.observation($0) })
        first.stop()
        let backup = try store.backup(spare: 0)
        let second = try recorder()
        second.sink(job: job, name: nil).deliver((20..<50).map { Samples.observation($0) })
        var finished = JobLine(.finished, time: Timestamp(microseconds: 7), job: job, name: nil, account: Account())
        finished.account?.targets = 50
        let line = finished
        try await second.perform { db in
            try db.execute(sql: "UPDATE jobs SET state = 'finished', finished = 7 WHERE id = ?", arguments: [job])
            return ((), [line])
        }
        second.stop()
        try directory.write(backup.read(at: 0, count: Int(backup.size)), to: "old.db")
        mkdir(directory.file("other"), 0o700)
        rename(directory.file("old.db"), directory.file("other/synscan.db"))
        let older = try Store(directory: directory.file("other"))
        #expect(try older.liveJobs().count == 1)
        let third = try Recorder(store: older, path: directory.file("log"), group: nil, formatter: Samples.formatter, logger: Self.quiet)
        #expect(try await older.findings(of: job, after: nil, limit: 100).count == 50)
        #expect(try older.liveJobs().isEmpty)
        #expect(try await older.job(.id(job))?.account.targets == 50)
        third.sink(job: job, name: nil).deliver((10..<60).map { Samples.observation($0) })
        third.stop()
        #expect(third.obstacles.notices.contains { $0.contains("older than the results log") && $0.contains("30 findings") })
        let seqs = try #require(directory.text("log")).split(separator: "\n").compactMap { line in
            Int64(line.dropFirst("{\"v\":1,\"seq\":".count).prefix { $0.isNumber })
        }
        #expect(seqs == Array(1...61))
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
