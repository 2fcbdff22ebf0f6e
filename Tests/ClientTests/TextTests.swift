import Glibc
import ScanAPI
import ScanClient
import Testing

@Suite("Jobs, plans and status in words", .serialized)
struct TextTests {
    init() {
        setenv("TZ", "America/New_York", 1)
        tzset()
    }

    @Test(
        "people get local time",
        arguments: [
            (Int64(1_795_460_761_000_123), "2026-11-23 14:06:01"), (-1, "1969-12-31 18:59:59"), (.max, nil), (.min, nil),
        ] as [(Int64, String?)])
    func localTime(microseconds: Int64, text: String?) {
        let shown = LocalTime.text(Timestamp(microseconds: microseconds))
        #expect(text == nil || shown == text)
    }

    @Test(
        "the clock runs, and is as far from UTC as the zone says", arguments: [("2026-11-23T12:00:00Z", -5), ("2026-07-01T12:00:00Z", -4)])
    func offsets(time: String, hours: Int64) throws {
        #expect(LocalTime.offset(at: try #require(Timestamp(time))) == hours * 3600)
        #expect(LocalTime.now > Timestamp(microseconds: 1_700_000_000_000_000))
    }

    @Test("a scan ends with its account")
    func summary() {
        var job = Samples.job(.finished)
        #expect(
            JobTexts.summary(job) == "job 7 finished: 512 open, 722 closed of 81,920 targets; 81,920 probes in 4.31 s, 19,007/s")
        job.state = .cancelled
        job.reason = "by alice"
        job.name = "nightly"
        #expect(JobTexts.summary(job).hasPrefix("job 7 (nightly) cancelled (by alice): "))
    }

    @Test("jobs are a table")
    func jobs() {
        let expected = """
            ID  NAME  STATE     SUBMITTED            BY               DONE  TARGETS  OPEN  WHAT
             7        running   2026-11-23 14:06:01  uid 4000000001   45 %   81,920   512  10.0.0.0/24
             7        finished  2026-11-23 14:06:01  uid 4000000001  100 %   81,920   512  10.0.0.0/24

            """
        let jobs = [Samples.job(progress: Samples.progress), Samples.job(.finished)]
        #expect(JobTexts.table(jobs, style: Samples.plain) == expected)
    }

    @Test("priorities are a column where they differ")
    func priorities() {
        var urgent = Samples.job(.queued)
        urgent.priority = .high
        let expected = """
            ID  NAME  STATE     PRIO    SUBMITTED            BY               DONE  TARGETS  OPEN  WHAT
             7        queued    high    2026-11-23 14:06:01  uid 4000000001          81,920   512  10.0.0.0/24
             7        finished  normal  2026-11-23 14:06:01  uid 4000000001  100 %   81,920   512  10.0.0.0/24

            """
        #expect(JobTexts.table([urgent, Samples.job(.finished)], style: Samples.plain) == expected)
    }

    @Test("a job tells why it waits, how urgent it is and when it ends")
    func show() {
        var job = Samples.job(.waiting)
        job.name = "office"
        job.reason = "no space\u{7} for results"
        job.priority = .low
        job.deadline = Timestamp("2026-11-26T06:00:00Z")
        let expected = """
            Job 7 (office)
              state      waiting
              reason     no space\\x07 for results
              priority   low
              deadline   2026-11-26 01:00:00
              targets    10.0.0.0/24
              submitted  2026-11-23 14:06:01 by uid 4000000001 (process 5)

            """
        #expect(JobTexts.full(job, style: Samples.plain) == expected)
    }

    @Test("a running job's share is told beside its rate")
    func showShare() {
        var job = Samples.job(progress: Samples.progress)
        job.progress?.share = 5_000
        #expect(
            JobTexts.full(job, style: Samples.plain)
                .contains("progress   45 %, round 1, 19,980/s (its share is 5,000/s), 3.20 s to go\n"))
    }

    @Test("the status tells what its reader may do, and what keeps everything from running")
    func status() {
        var status = Samples.status()
        let usual = """
              version        0.1.0
              process        12, since 2026-11-23 14:06:01
              your role      operator
              jobs           2 queued, 1 running
              maximum rate   10,000/s
              scope          10.0.0.0/8
              denied         10.0.99.0/24
              results log    /var/log/synscan/results.jsonl
              audit log      /var/log/synscan/audit.jsonl
              store          /var/lib/synscan
              configuration  /etc/synscan/synscand.toml
              port ranking   nmap

            """
        #expect(StatusText.text(status, style: Samples.plain) == usual)
        status.halted = Halt(since: Timestamp(microseconds: 1_795_460_761_000_123), uid: 4_000_000_001)
        status.obstacle = "no space for results"
        let text = StatusText.text(status, style: Samples.plain)
        #expect(
            text.contains("  halted         since 2026-11-23 14:06:01 by uid 4000000001; no packet leaves until synscan unhalt\n"))
        #expect(text.contains("  obstacle       no space for results\n"))
    }

    @Test("what was done to a job is one sentence")
    func steering() {
        func job(_ state: JobState, reason: String? = nil) -> Job {
            var job = Samples.job(state)
            job.name = "office"
            job.reason = reason
            return job
        }
        let sentences = [
            (SteeringTexts.paused(job(.paused)), "Job 7 (office) is paused"),
            (SteeringTexts.paused(job(.running)), "Job 7 (office) is being paused"),
            (SteeringTexts.resumed(job(.running)), "Job 7 (office) is running"),
            (SteeringTexts.resumed(job(.queued)), "Job 7 (office) is queued"),
            (SteeringTexts.resumed(job(.waiting, reason: "no space\n for results")), #"Job 7 (office) is waiting: no space\n for results"#),
            (SteeringTexts.resumed(job(.paused)), "Job 7 (office) is being resumed"),
            (SteeringTexts.cancelled(job(.cancelled)), "Job 7 (office) is cancelled"),
            (SteeringTexts.cancelled(job(.running)), "Job 7 (office) is being cancelled"),
            (SteeringTexts.rate(5_000, of: job(.running)), "Job 7 (office) sends at most 5,000/s"),
            (SteeringTexts.priority(of: job(.running)), "Job 7 (office) has normal priority"),
            (SteeringTexts.deleted(job(.finished)), "Job 7 (office) is deleted"),
            (SteeringTexts.deleted(Samples.job(.finished)), "Job 7 is deleted"),
        ]
        for (text, expected) in sentences { #expect(text == expected) }
    }

    @Test(
        "a reload tells each change, and each that takes a restart",
        arguments: [
            ([], [], "Nothing has changed.\n"),
            (["limits.max_rate: 10000 → 20000", "a\u{1b}b"], [], "limits.max_rate: 10000 → 20000\na\\x1bb\n"),
            (["a"], ["control.socket: /a → /b"], "a\ncontrol.socket: /a → /b (takes a restart: systemctl restart synscand)\n"),
        ])
    func reload(changed: [String], needsRestart: [String], text: String) {
        #expect(DaemonTexts.reload(Reload(changed: changed, needsRestart: needsRestart)) == text)
    }

    @Test("halting and reopening say what they mean")
    func daemon() {
        var status = Samples.status()
        #expect(DaemonTexts.halted(status) == "Packets may leave again.\n")
        status.halted = Halt(since: status.started, uid: 0)
        #expect(DaemonTexts.halted(status) == "No packet leaves until synscan unhalt.\n")
        #expect(DaemonTexts.reopening(Reopening(resultsLog: "/r", auditLog: "/a\n")) == #"New lines go to /r and /a\n."# + "\n")
    }

    @Test("a plan names its ways and what the scope says")
    func plan() {
        var path = Plan.Path(
            destinations: ["10.0.0.0/25", "10.0.0.128/25"], interface: "eth0", source: "10.0.0.9", link: "packet", linkReason: "Ethernet")
        path.nextHop = "10.0.0.1"
        let plan = Plan(
            targets: 5120, addresses: 256, ports: 20, portsSource: "the request", rate: 20_000, probesAtLeast: 5120, probesAtMost: 15_360,
            secondsAtLeast: 0.256, secondsAtMost: 0.256, paths: [path], scope: "allowed",
            names: [.init(name: "host", addresses: ["10.0.0.7"])])
        let expected = """
              targets   5,120 (256 addresses, 20 ports)
              ports     the request
              rate      20,000/s
              probes    5,120 to 15,360
              duration  0.26 s
              scope     allowed
              host      10.0.0.7

            DESTINATIONS   INTERFACE  SOURCE    NEXT HOP  LINK    BECAUSE
            10.0.0.0/25    eth0       10.0.0.9  10.0.0.1  packet  Ethernet
            10.0.0.128/25

            """
        #expect(PlanText.text(plan, style: Samples.plain) == expected)
    }
}
