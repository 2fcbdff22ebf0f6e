import PacketIO
import ScanAPI
import ScanFiles
import ScanService
import ScanTargets
import Testing

@Suite("Configuration: what the administrator writes, and what is said about slips")
struct ConfigurationTests {
    @Test("An empty file gives the documented defaults")
    func defaults() throws {
        let configuration = try Configuration(toml: "", file: "c.toml")
        #expect(configuration == Configuration())
        #expect(configuration.control.socket == "/run/synscan/synscan.sock")
        #expect(configuration.control.group == "synscan")
        #expect(configuration.store.directory == "/var/lib/synscan")
        #expect(configuration.results.log == "/var/log/synscan/results.jsonl")
        #expect(configuration.results.states == [.open])
        #expect(configuration.limits.maxRate == 10_000)
        #expect(configuration.limits.maxRunningJobs == 4)
        #expect(configuration.limits.maxJobTargets == 4_294_967_296)
        #expect(configuration.limits.maxRequestBytes == 67_108_864)
        #expect(configuration.control.auditLog == "/var/log/synscan/audit.jsonl" && configuration.control.roles.isEmpty)
        #expect(configuration.store.keepDays == 90 && configuration.store.maxSize == 8_589_934_592)
        #expect(configuration.results.minFree == 33_554_432)
        #expect(configuration.limits.perUserQueued == 20 && configuration.limits.perUserRunning == 2)
        #expect(configuration.limits.perUserFollowers == 8 && configuration.limits.resumeWithin == 43_200)
        #expect(configuration.limits.giveUp == 600)
        #expect(configuration.scan.sourcePorts == 61000...65535)
        #expect(configuration.scan.sourceAddress == nil)
        #expect(configuration.scan.interface == nil)
    }

    @Test("The packaged file is in order and says what the defaults are")
    func packagedFile() throws {
        let path = "\(#filePath)".split(separator: "/").dropLast(3).joined(separator: "/")
        #expect(try Configuration.load("/\(path)/Config/synscand.toml") == Configuration())
    }

    @Test("Every key is read")
    func everyKey() throws {
        let configuration = try Configuration(
            toml: """
                [control]
                socket = "/tmp/s"
                group = "staff"
                audit_log = "/tmp/a"
                [control.roles]
                viewer = ["daemon"]
                [store]
                directory = "/tmp/d"
                keep_days = 7
                max_size = 99999999
                [results]
                log = "/tmp/l"
                min_free = 5
                states = ["open", "closed"]
                [scope]
                allow = ["loopback", "198.18.0.0/15"]
                deny = ["198.18.0.1"]
                [limits]
                max_rate = 5
                max_running_jobs = 2
                max_job_targets = 100
                max_request_bytes = 2048
                per_user_queued = 3
                per_user_running = 4
                per_user_followers = 5
                resume_within = "1h30m"
                give_up = "90s"
                [scan]
                source_ports = "50000-50031"
                source_address = "192.0.2.1"
                interface = "eth0"
                link = "ring"
                send_threads = 1
                """, file: "c.toml")
        #expect(configuration.control.socket == "/tmp/s")
        #expect(configuration.control.group == "staff")
        #expect(configuration.store.directory == "/tmp/d")
        #expect(configuration.results.log == "/tmp/l")
        #expect(configuration.results.states == [.open, .closed])
        #expect(configuration.limits.maxRate == 5)
        #expect(configuration.limits.maxRunningJobs == 2)
        #expect(configuration.limits.maxJobTargets == 100)
        #expect(configuration.limits.maxRequestBytes == 2048)
        #expect(configuration.control.auditLog == "/tmp/a" && configuration.control.roles.words == [.viewer: ["daemon"]])
        #expect(configuration.store.keepDays == 7 && configuration.store.maxSize == 99_999_999 && configuration.results.minFree == 5)
        #expect(configuration.limits.perUserQueued == 3 && configuration.limits.perUserRunning == 4)
        #expect(configuration.limits.perUserFollowers == 5 && configuration.limits.resumeWithin == 5400)
        #expect(configuration.limits.giveUp == 90)
        #expect(configuration.scan.sourcePorts == 50000...50031)
        #expect(configuration.scan.sourceAddress == IPAddress("192.0.2.1"))
        #expect(configuration.scan.interface == "eth0")
        #expect(configuration.scan.link == .ring && configuration.scan.sendThreads == 1)
        #expect(configuration.scope.allowWords == ["loopback", "198.18.0.0/15"])
        #expect(!configuration.scope.allowed.contains(try #require(IPAddress("198.18.0.1"))))
        #expect(configuration.scope.allowed.contains(try #require(IPAddress("198.19.255.255"))))
    }

    @Test(
        "A slip is told with file, line and key",
        arguments: [
            // Not TOML.
            ("[limits]\nmax_rate = = 5", "c.toml, line 2"),
            // The same key twice.
            ("[limits]\nmax_rate = 1\nmax_rate = 2", "c.toml, line 3"),
            // Unknown names.
            ("[limit]\n", "c.toml, line 1, limit: unknown"),
            ("# x\n[limits]\nmax_rat = 5", "c.toml, line 3, limits.max_rat: unknown"),
            ("max_rate = 5", "c.toml, line 1, max_rate: unknown"),
            ("[limits]\nmax_rate = 5\n\n[scan]\n\n  \"rate\" = 3", "c.toml, line 6, scan.rate: unknown"),
            ("limits.max_rat = 5", "c.toml, line 1, limits.max_rat: unknown"),
            ("limits = { max_rat = 5 }", "c.toml, line 1, limits.max_rat: unknown"),
            // Wrong types.
            ("[limits]\nmax_rate = \"5\"", "c.toml, line 2, limits.max_rate: must be a whole number, not a text"),
            ("[limits]\nmax_rate = 5.0", "c.toml, line 2, limits.max_rate: must be a whole number, not a number with a fraction"),
            ("[control]\nsocket = 5", "c.toml, line 2, control.socket: must be a text"),
            ("[scope]\nallow = \"private\"", "c.toml, line 2, scope.allow: must be a list"),
            ("[scope]\nallow = [1]", "c.toml, line 2, scope.allow: must be a list of texts"),
            ("scope = 3", "c.toml, line 1, scope: must be a table"),
            ("[[scope]]\nallow = []", "c.toml, line 1, scope: must be a table"),
            // Impossible values.
            ("[limits]\nmax_rate = 0", "c.toml, line 2, limits.max_rate: must be 1 to 100000000, not 0"),
            ("[limits]\nmax_rate = -1", "limits.max_rate: must be 1"),
            ("[limits]\nmax_rate = 9223372036854775807", "limits.max_rate: must be 1"),
            ("[limits]\nmax_running_jobs = 0", "limits.max_running_jobs: must be 1 to 64"),
            ("[limits]\nmax_job_targets = 0", "limits.max_job_targets: must be 1"),
            ("[limits]\nmax_request_bytes = 10", "limits.max_request_bytes: must be 1024"),
            ("[limits]\nresume_within = \"12\"", "c.toml, line 2, limits.resume_within: \"12\" is not a length of time"),
            ("[limits]\nresume_within = 12", "limits.resume_within: must be a text"),
            ("[limits]\nresume_within = \"0s\"", "limits.resume_within: must be 1 to 31622400 seconds"),
            ("[limits]\nper_user_running = 0", "limits.per_user_running: must be 1 to 64"),
            ("[store]\nkeep_days = 0", "store.keep_days: must be 1 to 36500"),
            ("[store]\nmax_size = 5", "store.max_size: must be 16777216"),
            ("[results]\nmin_free = -1", "results.min_free: must be 0"),
            ("[control.roles]\nviewer = \"bob\"", "c.toml, line 2, control.roles.viewer: must be a list"),
            ("[control]\nsocket = \"run/s\"", "control.socket: \"run/s\" is not an absolute path"),
            ("[control]\nsocket = \"/\(String(repeating: "s", count: 103))\"", "control.socket: is longer than the 103 bytes"),
            ("[control]\ngroup = \"\"", "control.group: \"\" cannot be the name of a group"),
            ("[store]\ndirectory = \"\"", "store.directory: \"\" is not an absolute path"),
            ("[results]\nstates = []", "results.states: is empty"),
            ("[results]\nstates = [\"ajar\"]", "results.states: \"ajar\" is no state"),
            ("[scope]\nallow = [\"everything\"]", "scope.allow"),
            ("[scope]\nallow = [\"10.0.0.0/33\"]", "c.toml, line 2, scope.allow"),
            ("[scope]\ndeny = [\"10.0.0.9-10.0.0.1\"]", "c.toml, line 2, scope.deny"),
            ("[scope]\ndeny = [\"10.0.0.1:80\"]", "is not a block of addresses"),
            ("[scope]\ndeny_files = [\"deny.txt\"]", "scope.deny_files: \"deny.txt\" is not an absolute path"),
            ("[scope]\ndeny_files = [\"/nonexistent/deny.txt\"]", "c.toml, line 2, scope.deny_files: /nonexistent/deny.txt cannot be read"),
            ("[scan]\nsource_ports = \"0-10\"", "scan.source_ports"),
            ("[scan]\nsource_ports = \"65535-61000\"", "scan.source_ports"),
            ("[scan]\nsource_ports = \"61000-61014\"", "fewer than the 16 ports"),
            ("[scan]\nsource_ports = \"1000-2000,3000-4000\"", "is not one range"),
            ("[scan]\nsource_address = \"here\"", "scan.source_address: \"here\" is not an address"),
            ("[scan]\ninterface = \"a name that is too long\"", "scan.interface"),
            ("[scan]\nsend_threads = 3", "scan.send_threads"),
            ("a = \"\u{0}\"", "NUL"),
        ])
    func slips(text: String, expected: String) throws {
        let error = try #require(throws: FileFault.self) { try Configuration(toml: text, file: "c.toml") }
        #expect(error.description.contains(expected), "\(error)")
    }

    @Test("A file that is not there or is no file is told by name", arguments: ["/nonexistent/c.toml", "/tmp", "/dev/null"])
    func unreadable(path: String) throws {
        let error = try #require(throws: FileFault.self) { try Configuration.load(path) }
        #expect(error.description.hasPrefix(path))
    }

    @Test("Deny files are read, and a wrong line in one is told")
    func denyFiles() throws {
        let directory = try TemporaryDirectory()
        try directory.write("# mail\n10.1.0.0/16 10.2.0.1\n\n10.3.0.1-10.3.0.9 # db\n", to: "deny")
        let text = "[scope]\ndeny_files = [\"\(directory.file("deny"))\"]"
        let scope = try Configuration(toml: text, file: "c.toml").scope
        for address in ["10.1.255.255", "10.2.0.1", "10.3.0.9"] { #expect(!scope.allowed.contains(try #require(IPAddress(address)))) }
        #expect(scope.allowed.contains(try #require(IPAddress("10.2.0.2"))))
        try directory.write("10.1.0.0/16\n10.2.0.0/99\n", to: "deny")
        let error = try #require(throws: FileFault.self) { try Configuration(toml: text, file: "c.toml") }
        #expect(error.description.contains("deny, line 2"), "\(error)")
    }
}
