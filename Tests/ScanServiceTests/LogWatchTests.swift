import GRDB
import Glibc
import Logging
import ScanAPI
import ScanService
import Testing

@Suite("A results log that somebody changes while it is written: told, nothing lost, nothing twice")
struct LogWatchTests {
    private let directory: TemporaryDirectory
    private let store: Store
    private let job: Int64

    init() throws {
        directory = try TemporaryDirectory()
        store = try Store(directory: directory.file("store"))
        job = try Samples.insertJob(store, name: "j")
    }

    private func recorder() throws -> Recorder {
        try Recorder(
            store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func seqs(_ name: String) -> [Int64] {
        (directory.text(name) ?? "").split(separator: "\n").compactMap { line in
            line.hasPrefix("{\"v\":1,\"seq\":") ? Int64(line.dropFirst("{\"v\":1,\"seq\":".count).prefix { $0.isNumber }) : nil
        }
    }

    private func deliver(_ recorder: Recorder, _ numbers: Range<UInt32>) {
        recorder.sink(job: job, name: nil).deliver(numbers.map { Samples.observation($0) })
    }

    private func wait(until isTrue: () -> Bool) async throws {
        for _ in 0..<1000 where !isTrue() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(isTrue())
    }

    @Test("A second daemon does not get it, whatever it is called; when the first has stopped it does")
    func secondWriter() throws {
        let first = try recorder()
        let other = try Store(directory: directory.file("other"))
        let error = try #require(throws: ServiceError.self) {
            try Recorder(store: other, path: directory.file("log"), group: nil, formatter: Samples.formatter, logger: .init(label: "test"))
        }
        #expect(error.message.contains("in use by another synscand"))
        link(directory.file("log"), directory.file("hard"))
        #expect(throws: ServiceError.self) {
            try Recorder(store: other, path: directory.file("hard"), group: nil, formatter: Samples.formatter, logger: .init(label: "test"))
        }
        deliver(first, 0..<10)
        first.stop()
        #expect(seqs("log") == Array(1...10))
    }

    @Test(
        "Another user's log, or one that everybody can write, is refused",
        .enabled(if: geteuid() == 0, "needs root, to give a file away"))
    func owners() throws {
        try directory.write("", to: "log")
        chmod(directory.file("log"), 0o666)
        #expect(try #require(throws: ServiceError.self) { try recorder() }.message.contains("written by everybody"))
        chmod(directory.file("log"), 0o640)
        chown(directory.file("log"), 65_534, 65_534)
        #expect(try #require(throws: ServiceError.self) { try recorder() }.message.contains("belongs to user 65534"))
        #expect(throws: ServiceError.self) { try AuditLog(path: directory.file("log"), logger: .init(label: "test")) }
    }

    @Test("What others append while it is written stays, with an end to its line, over restarts")
    func foreignLines() async throws {
        for round in 0..<3 {
            let recorder = try recorder()
            deliver(recorder, UInt32(round * 20)..<UInt32(round * 20 + 10))
            try await recorder.perform { _ in ((), []) }
            let file = open(directory.file("log"), O_WRONLY | O_APPEND)
            let words = Array("note \(round)".utf8)
            #expect(write(file, words, words.count) == words.count)
            close(file)
            if round != 1 { deliver(recorder, UInt32(round * 20 + 10)..<UInt32(round * 20 + 20)) }
            recorder.stop()
        }
        try recorder().stop()
        #expect(seqs("log") == Array(1...50))
        let text = try #require(directory.text("log"))
        for round in 0..<3 { #expect(text.split(separator: "\n").contains("note \(round)")) }
    }

    /// What people and programs do to a log, what is told, and whether what stood there is still somewhere.
    enum Change: CaseIterable {
        case deleted, replaced, emptied, cut, copied, copiedShort, rewritten, edited

        var words: String {
            switch self {
            case .deleted: "was deleted"
            case .replaced, .edited: "was replaced"
            case .emptied, .cut, .copied, .copiedShort: "was cut off"
            case .rewritten: "was rewritten"
            }
        }
    }

    private func change(_ change: Change) throws {
        let path = directory.file("log")
        let bytes = directory.read("log") ?? []
        switch change {
        case .deleted: unlink(path)
        case .replaced:
            try directory.write("another file\n", to: "new")
            rename(directory.file("new"), path)
        case .edited:
            // As `sed -i` does it.
            try directory.write(bytes, to: "new")
            rename(directory.file("new"), path)
        case .emptied: truncate(path, 0)
        case .cut: truncate(path, off_t(bytes.count / 2))
        case .copied:
            try directory.write(bytes, to: "log.1")
            truncate(path, 0)
        case .copiedShort:
            // Two lines came between the copy's end and the cut, and were marked.
            let ends = bytes.indices.filter { bytes[$0] == 10 }
            try directory.write(bytes[...ends[ends.count - 3]], to: "log.1")
            truncate(path, 0)
        case .rewritten:
            // As an editor does it that keeps the file.
            try directory.write(Array("# edited\n".utf8) + bytes, to: "log")
        }
    }

    @Test(
        "It is noticed without anything else happening, told, and everything waits; reopen goes on", arguments: Change.allCases,
        [true, false])
    func changed(_ kind: Change, isIdle: Bool) async throws {
        let recorder = try recorder()
        deliver(recorder, 0..<40)
        try await recorder.perform { _ in ((), []) }
        // Two marks.
        try await wait { (try? store.pool.read(LogTable.marks).first?.seq) == 40 }
        deliver(recorder, 40..<42)
        try await recorder.perform { _ in ((), []) }
        try await wait { (try? store.pool.read(LogTable.marks).first?.seq) == 42 }
        try change(kind)
        if !isIdle { deliver(recorder, 42..<50) }
        // A file that is rewritten is empty for a moment.
        let words = kind == .rewritten ? [kind.words, Change.cut.words] : [kind.words]
        try await wait { words.contains { recorder.obstacles.obstacle?.contains($0) == true } }
        #expect(recorder.obstacles.obstacle?.contains("synscan reopen") == true)
        #expect(recorder.sink(job: job, name: nil).isFull)
        if isIdle { deliver(recorder, 42..<50) }
        try await recorder.reopen()
        try await wait { recorder.obstacles.obstacle == nil }
        deliver(recorder, 50..<60)
        recorder.stop()
        let all = seqs("log.1") + seqs("log")
        switch kind {
        // What stood in the file before went with it; all else is there.
        case .deleted, .replaced, .emptied: #expect(Array(all.suffix(18)) == Array(43...60) && Set(all).count == all.count)
        case .cut: #expect(Array(all.suffix(18)) == Array(43...60) && Set(all).count == all.count && all == all.sorted())
        case .copied, .copiedShort, .rewritten, .edited: #expect(all == Array(1...60))
        }
        #expect(directory.read("log")?.contains(0) == false)
        if kind == .rewritten { #expect(directory.text("log")?.hasPrefix("# edited\n") == true) }
        // And a restart changes nothing.
        let before = directory.read("log")
        try self.recorder().stop()
        #expect(directory.read("log") == before)
    }

    @Test("The daemon that is restarted instead goes on as well", arguments: Change.allCases)
    func restarted(_ kind: Change) async throws {
        let recorder = try recorder()
        deliver(recorder, 0..<42)
        try await recorder.perform { _ in ((), []) }
        try await wait { (try? store.pool.read(LogTable.marks).first?.seq) == 42 }
        try change(kind)
        deliver(recorder, 42..<50)
        recorder.stop()
        let next = try self.recorder()
        #expect(next.obstacles.obstacle == nil)
        deliver(next, 50..<60)
        next.stop()
        let all = seqs("log.1") + seqs("log")
        #expect(Array(all.suffix(18)) == Array(43...60) && Set(all).count == all.count, "\(all)")
    }

    @Test("A log that was renamed and not reopened is told, and loses nothing")
    func renamed() async throws {
        let recorder = try recorder()
        deliver(recorder, 0..<10)
        try await recorder.perform { _ in ((), []) }
        rename(directory.file("log"), directory.file("log.1"))
        try await wait { recorder.obstacles.notices.contains { $0.contains("has been renamed") } }
        #expect(recorder.obstacles.obstacle == nil)
        deliver(recorder, 10..<20)
        try await recorder.reopen()
        try await wait { recorder.obstacles.notices.isEmpty }
        deliver(recorder, 20..<30)
        recorder.stop()
        #expect(seqs("log.1") == Array(1...20) && seqs("log") == Array(21...30))
    }

    @Test("A log that is protected at the start is waited for", .enabled(if: geteuid() == 0, "needs root, to protect a file"))
    func protected() async throws {
        let first = try recorder()
        deliver(first, 0..<10)
        first.stop()
        try #require(protect(true), "this file system protects no files")
        let recorder: Recorder
        do {
            defer { _ = protect(false) }
            recorder = try self.recorder()
            try await wait { recorder.obstacles.obstacle != nil }
            deliver(recorder, 10..<20)
            try await Task.sleep(for: .milliseconds(300))
        }
        try await wait { recorder.obstacles.obstacle == nil }
        recorder.stop()
        #expect(seqs("log") == Array(1...20))
    }

    /// `chattr +i` (ioctl_iflags(2)).
    private func protect(_ isOn: Bool) -> Bool {
        let (get, set, immutable): (UInt, UInt, Int32) = (0x8008_6601, 0x4008_6602, 0x10)
        let file = open(directory.file("log"), O_RDONLY)
        defer { close(file) }
        var flags: Int32 = 0
        guard ioctl(file, get, &flags) == 0 else { return false }
        flags = isOn ? flags | immutable : flags & ~immutable
        return ioctl(file, set, &flags) == 0
    }
}
