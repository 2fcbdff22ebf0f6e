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

    @Test("What turns the direction of writing cannot act on whatever shows the line")
    func direction() {
        var entry = Self.entry("submit")
        entry.targets = ["a\u{202e}b\u{2066}c\u{200f}d\u{061c}e\u{2069}"]
        let line = String(decoding: AuditLog.line(entry, at: Timestamp(microseconds: 0)), as: UTF8.self)
        #expect(line.contains(#"["a\u202eb\u2066c\u200fd\u061ce\u2069"]"#))
        #expect(line.unicodeScalars.allSatisfy { $0.properties.generalCategory != .format })
    }

    @Test("It is readable for root alone, goes on where it ended, and is never reached through a symbolic link")
    func file() async throws {
        for command in ["a", "b"] { await (try AuditLog(path: directory.file("audit"), logger: logger)).write(Self.entry(command)) }
        #expect(directory.mode("audit") == 0o600)
        #expect(directory.text("audit")?.split(separator: "\n").count == 2)
        symlink(directory.file("audit"), directory.file("link"))
        #expect(throws: ServiceError.self) { try AuditLog(path: directory.file("link"), logger: logger) }
    }

    @Test("It goes on in a new file when the old one has been renamed")
    func rotation() async throws {
        let log = try AuditLog(path: directory.file("audit"), logger: logger)
        await log.write(Self.entry("a"))
        rename(directory.file("audit"), directory.file("audit.1"))
        await log.write(Self.entry("b"))
        try await log.reopen()
        await log.write(Self.entry("c"))
        #expect(directory.text("audit.1")?.split(separator: "\n").count == 2)
        #expect(directory.text("audit")?.contains("\"c\"") == true)
    }

    @Test("It goes on in a new file when the old one has been deleted, without being told")
    func deleted() async throws {
        let log = try AuditLog(path: directory.file("audit"), logger: logger)
        await log.write(Self.entry("a"))
        unlink(directory.file("audit"))
        await log.write(Self.entry("b"))
        #expect(directory.text("audit")?.contains("\"b\"") == true)
        #expect(directory.mode("audit") == 0o600)
    }

    @Test("What waits is bounded for each user, root's share cannot be taken, and a line is short whatever is in it")
    func bounds() async throws {
        let log = try AuditLog(path: directory.file("audit"), logger: logger)
        var taken = 0
        while log.reserve(for: 1000) { taken += 1 }
        #expect(taken == 1024)
        #expect(log.reserve(for: 1001) && log.reserve(for: 0))
        for user in UInt32(2000)..<2010 { while log.reserve(for: user) {} }
        #expect(!log.reserve(for: 3000) && log.reserve(for: 0))
        var entry = Self.entry("submit")
        entry.targets = Array(repeating: "a" + String(repeating: "\u{301}", count: 100_000), count: 16)
        entry.reason = String(repeating: "\u{1}", count: 100_000)
        // One of its user's places is given back.
        await log.write(entry)
        #expect(log.reserve(for: 1000) && !log.reserve(for: 1000))
        #expect((directory.text("audit")?.utf8.count).map { $0 < 8192 } == true)
    }

    @Test("Requests that were refused for want of room are counted in a line")
    func gap() async throws {
        let log = try AuditLog(path: directory.file("audit"), logger: logger)
        for _ in 0..<3 { log.noteRefused() }
        // The line stands behind the first of these, before the second.
        for command in ["a", "b"] { await log.write(Self.entry(command)) }
        let lines = directory.text("audit")?.split(separator: "\n") ?? []
        #expect(lines.count == 3 && lines.first { $0.contains("3 requests were refused") } != nil, "\(lines)")
    }
}
