import Glibc
import Logging
import ScanAPI
import ScanService
import Testing

@Suite("The audit log")
struct AuditLogTests {
    private let directory: TemporaryDirectory
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init() throws {
        directory = try TemporaryDirectory()
    }

    private static func entry(_ command: String, status: Int = 200) -> AuditEntry {
        var entry = AuditEntry(command: command)
        entry.peer = Peer(uid: 1000, pid: 42, groups: [7])
        entry.role = .operator
        entry.status = status
        return entry
    }

    @Test("Each request is one line, done or refused, whatever is in it")
    func lines() {
        var entry = Self.entry("submit", status: 403)
        entry.job = 3
        entry.targets = ["198.18.0.0/24", "a\"\n"]
        entry.reason = "outside the scope"
        let time = Timestamp(microseconds: 0)
        #expect(
            String(decoding: AuditLog.line(entry, at: time), as: UTF8.self)
                == #"{"v":1,"time":"1970-01-01T00:00:00.000000Z","uid":1000,"pid":42,"role":"operator","command":"submit","job":3,"#
                + #""targets":["198.18.0.0/24","a\"\u000a"],"verdict":"refused","status":403,"reason":"outside the scope"}"# + "\n")
        #expect(
            String(decoding: AuditLog.line(AuditEntry(command: "GET /"), at: time), as: UTF8.self)
                == #"{"v":1,"time":"1970-01-01T00:00:00.000000Z","command":"GET /","verdict":"allowed","status":0}"# + "\n")
    }

    @Test("It is readable for root alone, goes on where it ended, and is never reached through a symbolic link")
    func file() throws {
        for command in ["a", "b"] { try AuditLog(path: directory.file("audit"), logger: logger).write(Self.entry(command)) }
        #expect(directory.mode("audit") == 0o600)
        #expect(directory.text("audit")?.split(separator: "\n").count == 2)
        symlink(directory.file("audit"), directory.file("link"))
        #expect(throws: ServiceError.self) { try AuditLog(path: directory.file("link"), logger: logger) }
    }

    @Test("It goes on in a new file when the old one has been renamed")
    func rotation() throws {
        let log = try AuditLog(path: directory.file("audit"), logger: logger)
        log.write(Self.entry("a"))
        rename(directory.file("audit"), directory.file("audit.1"))
        log.write(Self.entry("b"))
        try log.reopen()
        log.write(Self.entry("c"))
        #expect(directory.text("audit.1")?.split(separator: "\n").count == 2)
        #expect(directory.text("audit")?.contains("\"c\"") == true)
    }
}
