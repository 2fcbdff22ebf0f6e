import GRDB
import Glibc
import Logging
import ScanAPI
import ScanService
import TestSupport
import Testing

@Suite("The store's files: damaged, deleted, copied")
struct StoreFileTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func open() throws -> Store { try Store(directory: directory.file("store")) }

    private func recorder(_ store: Store) throws -> Recorder {
        try Recorder(
            store: store, path: directory.file("log"), group: nil, formatter: Samples.formatter,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private var files: [String] {
        guard let stream = opendir(directory.file("store")) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names
    }

    /// Waits for the recorder to notice something.
    private func obstacle(_ recorder: Recorder) async throws -> String? {
        for _ in 0..<1000 where recorder.obstacles.obstacle == nil { try await Task.sleep(for: .milliseconds(10)) }
        return recorder.obstacles.obstacle
    }

    @Test("After a clean stop the database's own file holds everything, and nothing else is needed")
    func wholeAfterStop() async throws {
        let job: Int64
        do {
            let store = try open()
            job = try Samples.insertJob(store)
            let recorder = try recorder(store)
            recorder.sink(job: job, name: nil).deliver((0..<500).map { Samples.observation($0) })
            recorder.stop()
            store.close()
        }
        mkdir(directory.file("copy"), 0o700)
        try directory.write(try #require(directory.read("store/synscan.db")), to: "copy/synscan.db")
        #expect(directory.size("store/synscan.db-wal") ?? 0 == 0)
        let copy = try Store(directory: directory.file("copy"))
        #expect(try await copy.findings(of: job, after: nil, limit: 1000).count == 500)
    }

    @Test("While nothing happens, too")
    func wholeWhenIdle() async throws {
        let store = try open()
        let job = try Samples.insertJob(store)
        let recorder = try recorder(store)
        recorder.sink(job: job, name: nil).deliver((0..<500).map { Samples.observation($0) })
        for _ in 0..<2000 where directory.size("store/synscan.db-wal") != 0 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(directory.size("store/synscan.db-wal") == 0)
        recorder.stop()
    }

    /// Damages the database in one of the ways that disks and people know.
    private func damage(_ kind: Int, _ random: inout SeededGenerator) throws {
        var bytes = try #require(directory.read("store/synscan.db"))
        switch kind {
        case 0: bytes = Array(String(repeating: "no database ", count: 1000).utf8)
        case 1: for place in 0..<100 { bytes[place] = 0 }
        case 2: bytes.removeLast(bytes.count / 2)
        case 3: for place in 100..<4096 { bytes[place] = UInt8(random.below(256)) }
        default:
            // Every page but the first, so that one that counts is hit.
            for page in 1..<(bytes.count / 4096) { for place in 0..<64 { bytes[page * 4096 + place] = UInt8(random.below(256)) } }
        }
        try directory.write(bytes, to: "store/synscan.db")
    }

    @Test("A damaged one is kept under a dated name, a new one begun and told; the numbers go on", arguments: 0...4)
    func damaged(kind: Int) async throws {
        var random = SeededGenerator(seed: UInt64(kind))
        do {
            let store = try open()
            let job = try Samples.insertJob(store)
            let recorder = try recorder(store)
            recorder.sink(job: job, name: nil).deliver((0..<500).map { Samples.observation($0) })
            recorder.stop()
            store.close()
        }
        try damage(kind, &random)
        let damaged = try #require(directory.read("store/synscan.db"))
        let store = try open()
        #expect(store.isReplacement && store.findings.count == 1 && store.findings[0].contains("synscan.db.damaged-2"))
        let kept = try #require(files.first { $0.hasPrefix("synscan.db.damaged-") && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm") })
        #expect(directory.read("store/\(kept)") == damaged)
        #expect(try store.liveJobs().isEmpty)
        let recorder = try recorder(store)
        try await recorder.perform { _ in ((), [JobLine(.queued, time: Timestamp(microseconds: 1), job: 9, name: nil)]) }
        recorder.stop()
        #expect(directory.text("log")?.split(separator: "\n").last?.hasPrefix("{\"v\":1,\"seq\":501,") == true)
        // The next start finds a store that is whole.
        store.close()
        #expect(recorder.obstacles.obstacle == nil)
    }

    @Test("One that is deleted while it is in use is told, and what it holds is written anew at the end")
    func deleted() async throws {
        let job: Int64
        do {
            let store = try open()
            job = try Samples.insertJob(store, name: "kept")
            let recorder = try recorder(store)
            recorder.sink(job: job, name: nil).deliver((0..<50).map { Samples.observation($0) })
            try await recorder.perform { _ in ((), []) }
            for name in ["synscan.db", "synscan.db-wal", "synscan.db-shm"] { unlink(directory.file("store/\(name)")) }
            #expect(try await obstacle(recorder)?.contains("synscan.db was deleted while it was in use: restart") == true)
            // What would be lost is not taken.
            await #expect(throws: Refusal.self) { try await recorder.perform { _ in ((), []) } }
            recorder.stop()
            store.close()
        }
        let store = try open()
        #expect(try store.liveJobs().map(\.record.id) == [job])
        #expect(try await store.findings(of: job, after: nil, limit: 100).count == 50)
        #expect(try Samples.synchronousLevel(of: store) == 2)
    }

    @Test("One that is replaced by another while it is in use is told, and so is its write-ahead log")
    func replaced() async throws {
        for name in ["synscan.db", "synscan.db-wal"] {
            let store = try open()
            let recorder = try recorder(store)
            try await recorder.perform { _ in ((), [JobLine(.queued, time: Timestamp(microseconds: 1), job: 9, name: nil)]) }
            try directory.write("other", to: "other")
            rename(directory.file("other"), directory.file("store/\(name)"))
            #expect(try await obstacle(recorder)?.contains("\(name) was replaced") == true)
            recorder.stop()
            store.close()
            for name in ["synscan.db", "synscan.db-wal", "synscan.db-shm"] { unlink(directory.file("store/\(name)")) }
        }
    }

    @Test("A backup is a whole database of one moment and leaves nothing behind")
    func backup() async throws {
        let store = try open()
        let job = try Samples.insertJob(store, name: "kept")
        let recorder = try recorder(store)
        recorder.sink(job: job, name: nil).deliver((0..<500).map { Samples.observation($0) })
        try await recorder.perform { _ in ((), []) }
        let backup = try store.backup(spare: 0)
        #expect(files.allSatisfy { !$0.hasPrefix("backup-") })
        mkdir(directory.file("copy"), 0o700)
        try directory.write(backup.read(at: 0, count: Int(backup.size)), to: "copy/synscan.db")
        recorder.stop()
        let copy = try Store(directory: directory.file("copy"))
        #expect(try copy.liveJobs().map(\.record.name) == ["kept"])
        #expect(try await copy.findings(of: job, after: nil, limit: 1000).count == 500)
        #expect(try await copy.pool.read { try String.fetchOne($0, sql: "PRAGMA integrity_check") } == "ok")
        #expect(throws: ServiceError.self) { try store.backup(spare: .max / 2) }
    }

    @Test("A directory that may be somebody else's is refused and stays as it is; one of ours that was opened is closed again")
    func directories() throws {
        for mode in [mode_t(0o755), 0o1777, 0o750, 0o701] {
            mkdir(directory.file("used"), 0o700)
            chmod(directory.file("used"), mode)
            let error = try #require(throws: ServiceError.self) { try Store(directory: directory.file("used")) }
            #expect(error.message.contains("open to others"))
            #expect(directory.mode("used") == UInt32(mode))
            rmdir(directory.file("used"))
        }
        try open().close()
        chmod(directory.file("store"), 0o755)
        try open().close()
        #expect(directory.mode("store") == 0o700)
        try directory.write("x", to: "file")
        #expect(throws: ServiceError.self) { try Store(directory: directory.file("file")) }
    }

    @Test("Another user's directory is refused", .enabled(if: geteuid() == 0, "needs root, to give a directory away"))
    func owner() throws {
        mkdir(directory.file("used"), 0o700)
        chown(directory.file("used"), 65_534, 65_534)
        let error = try #require(throws: ServiceError.self) { try Store(directory: directory.file("used")) }
        #expect(error.message.contains("belongs to user 65534"))
    }
}
