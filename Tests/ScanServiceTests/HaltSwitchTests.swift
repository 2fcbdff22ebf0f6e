import Glibc
import Logging
import ScanAPI
import ScanEngine
import ScanService
import Testing

@Suite("Halt")
struct HaltSwitchTests {
    private let directory: TemporaryDirectory
    private let brake = Brake()
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let halt = Halt(since: Timestamp(microseconds: 5), uid: 7)
    private static let patience = Duration.seconds(30)

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func haltSwitch(at folder: String? = nil) throws -> HaltSwitch {
        try HaltSwitch(mark: HaltMark(directory: folder ?? directory.path), brake: brake, logger: logger)
    }

    /// Polls for a while: the kernel tells the halt's thread when it likes.
    private func comes(_ condition: () -> Bool) async -> Bool {
        for _ in 0..<3000 where !condition() { try? await Task.sleep(for: .milliseconds(10)) }
        return condition()
    }

    @Test("It is set before anything is written, stays over a restart, and the first one counts")
    func restart() async throws {
        do {
            let halt = try haltSwitch()
            #expect(halt.halt == nil && !brake.isOn)
            halt.stop(Self.halt)
            #expect(brake.isOn && halt.halt == Self.halt)
            halt.stop(Halt(since: Timestamp(microseconds: 9), uid: 9))
            #expect(await halt.kept(within: Self.patience) == .kept)
        }
        brake.set(false)
        let halt = try haltSwitch()
        #expect(brake.isOn && halt.halt == Self.halt)
        try await halt.release(within: Self.patience)
        #expect(!brake.isOn && halt.halt == nil && HaltMark(directory: directory.path).read() == nil)
    }

    @Test("A file that somebody makes stops a running daemon, whatever it is; taking it away changes nothing")
    func byHand() async throws {
        let halt = try haltSwitch()
        let path = directory.file(HaltMark.name)
        let ways: [() -> Void] = [
            { close(open(path, O_WRONLY | O_CREAT, 0o600)) }, { mkdir(path, 0o700) }, { symlink("nowhere", path) }, { mkfifo(path, 0o600) },
        ]
        for make in ways {
            make()
            #expect(await comes { brake.isOn && halt.halt?.uid == getuid() })
            if rmdir(path) != 0 { unlink(path) }
            #expect(await comes { access(path, F_OK) == 0 })
            #expect(brake.isOn)
            try await halt.release(within: Self.patience)
            #expect(!brake.isOn && access(path, F_OK) != 0)
        }
    }

    @Test("Where the disk takes no mark the brake is on all the same, and it is said")
    func noMark() async throws {
        let halt = try haltSwitch(at: directory.file("not-there"))
        halt.stop(Self.halt)
        #expect(brake.isOn)
        guard case .failed(let error) = await halt.kept(within: Self.patience) else {
            Issue.record("the mark is kept")
            return
        }
        #expect(error.message.contains("not-there"))
        // Written as soon as that is possible.
        mkdir(directory.file("not-there"), 0o700)
        #expect(await comes { access(directory.file("not-there/halted"), F_OK) == 0 })
    }

    @Test("A halt that comes while packets are about to be let go again stays")
    func again() async throws {
        let halt = try haltSwitch()
        for _ in 0..<50 {
            halt.stop(Self.halt)
            async let released: Void? = try? halt.release(within: Self.patience)
            halt.stop(Self.halt)
            _ = await released
            halt.stop(Self.halt)
            #expect(brake.isOn && halt.halt == Self.halt)
            #expect(await halt.kept(within: Self.patience) == .kept)
            #expect(brake.isOn && HaltMark(directory: directory.path).read() == Self.halt)
        }
    }
}
