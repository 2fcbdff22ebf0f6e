import Glibc
import ScanAPI
import ScanFiles
import ScanService
import ScanTargets
import Testing

@Suite("Reading the configuration again")
struct ReloadTests {
    private static func configuration(_ toml: String) throws -> ScanService.Configuration { try .init(toml: toml, file: "c.toml") }

    @Test("What has changed is told key by key, and what needs a restart apart from it")
    func changes() throws {
        let old = try Self.configuration("[limits]\nmax_rate = 5\n[scope]\nallow = [\"loopback\"]\n")
        let new = try Self.configuration(
            """
            [control]
            socket = "/tmp/other"
            [control.roles]
            viewer = ["daemon"]
            [limits]
            max_rate = 6
            resume_within = "1h"
            [scope]
            allow = ["loopback"]
            deny = ["127.0.0.0/9"]
            """)
        let changes = old.changes(to: new)
        #expect(
            changes.changed == [
                "scope.deny: nothing → 127.0.0.0/9", "scope: 16777217 addresses may be probed → 8388609",
                "control.roles.viewer: nobody → daemon",
                "limits.max_rate: 5 → 6", "limits.resume_within: 43200 s → 3600 s",
            ])
        #expect(changes.needsRestart == ["control.socket: /run/synscan/synscan.sock → /tmp/other"])
        #expect(old.changes(to: old) == Reload(changed: [], needsRestart: []))
    }

    @Test("What needs a restart stays as it was, all else is taken over")
    func applied() throws {
        let old = try Self.configuration("[limits]\nmax_rate = 5\n")
        let text = """
            [control]
            socket = "/tmp/other"
            group = "adm"
            audit_log = "/tmp/audit"
            [control.roles]
            admin = ["daemon"]
            [store]
            directory = "/tmp/store"
            keep_days = 1
            [results]
            log = "/tmp/log"
            states = ["closed"]
            [limits]
            max_rate = 6
            max_request_bytes = 4096
            """
        let applied = try Self.configuration(text).applied(over: old)
        #expect(applied.control.socket == old.control.socket && applied.control.group == old.control.group)
        #expect(applied.control.auditLog == old.control.auditLog && applied.store.directory == old.store.directory)
        #expect(applied.results.log == old.results.log && applied.limits.maxRequestBytes == old.limits.maxRequestBytes)
        #expect(applied.control.roles.words == [.admin: ["daemon"]] && applied.store.keepDays == 1)
        #expect(applied.results.states == [.closed] && applied.limits.maxRate == 6)
        // And then nothing of it is told as changed again.
        #expect(applied.changes(to: try Self.configuration(text)).changed.isEmpty)
    }

    @Test(
        "A file is trusted that is ours or root's and that nobody else can write",
        arguments: [(0o600, nil), (0o644, nil), (0o664, "can be written by others"), (0o646, "can be written by others")]
            as [(mode_t, String?)])
    func trust(mode: mode_t, problem: String?) throws {
        let directory = try TemporaryDirectory()
        try directory.write("[limits]\nmax_rate = 7\n", to: "c.toml")
        chmod(directory.file("c.toml"), mode)
        guard let problem else {
            #expect(try ScanService.Configuration.load(directory.file("c.toml")).limits.maxRate == 7)
            return
        }
        let error = try #require(throws: FileFault.self) { try ScanService.Configuration.load(directory.file("c.toml")) }
        #expect(error.description.contains(problem) && error.description.hasPrefix(directory.file("c.toml")), "\(error)")
    }

    @Test("A deny file that others can write is refused with its name")
    func denyFile() throws {
        let directory = try TemporaryDirectory()
        try directory.write("127.0.0.9\n", to: "deny")
        let toml = "[scope]\ndeny_files = [\"\(directory.file("deny"))\"]\n"
        #expect(!(try Self.configuration(toml)).scope.allowed.contains(try #require(IPAddress("127.0.0.9"))))
        chmod(directory.file("deny"), 0o666)
        let error = try #require(throws: FileFault.self) { try Self.configuration(toml) }
        #expect(error.description.contains("\(directory.file("deny")) can be written by others"), "\(error)")
    }

    @Test(
        "Lengths of time",
        arguments: [
            ("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800), ("1h30m", 5400), ("0s", 0),
            ("999999999d", 10_000 * 366 * 86_400), ("", nil), ("5", nil), ("m", nil), ("5m3", nil), ("30m1h", nil), ("1h1h", nil),
            ("-1h", nil),
            ("1.5h", nil), ("1 h", nil), ("1H", nil), ("9999999999999999999s", nil), ("\u{0661}h", nil),
        ] as [(String, Int?)])
    func durations(text: String, seconds: Int?) {
        #expect(DurationText.seconds(text) == seconds)
    }

    @Test(
        "Times in RFC 3339",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:01.5Z", 1_500_000), ("1970-01-01 00:01Z", 60_000_000),
            ("1970-01-01t01:00:00.000000+01:00", 0), ("1969-12-31T23:30:00-00:30", 0), ("1970-01-01T00:00:00.1234567Z", 123_456),
            ("1970-01-01T00:00:00", nil), ("1970-01-01", nil), ("1970-02-30T00:00:00Z", nil), ("1970-01-01T24:00:00Z", nil),
            ("1970-01-01T00:00:00.Z", nil), ("1970-01-01T00:00:00+1:00", nil), ("1970-01-01T00:00:00+01:60", nil), ("", nil), ("now", nil),
            ("1970-01-01T00:00:0Z", nil), ("1970-01-01T00:00:00\u{0661}Z", nil), ("0001-01-01T00:00:00+23:59", -62_135_683_140_000_000),
        ] as [(String, Int64?)])
    func times(text: String, microseconds: Int64?) {
        #expect(Timestamp(text)?.microseconds == microseconds)
    }
}
