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
