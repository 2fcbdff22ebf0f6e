import ScanAPI
import ScanClient
import Testing

@Suite("Progress fits the terminal")
struct ProgressLineTests {
    @Test(
        "a running job's line at several widths",
        arguments: [
            // Everything, with the widest bar.
            (
                200,
                "job 7 [=================>                      ]  45 %  19,980/s  1,234 answers, 512 open  ETA 0:04"
            ),
            (80, "job 7 [========>           ]  45 %  19,980/s  1,234 answers, 512 open  ETA 0:04"),
            // The open ports go first, then answers and rate.
            (66, "job 7 [======>         ]  45 %  19,980/s  1,234 answers  ETA 0:04"),
            (50, "job 7 [=====>         ]  45 %  512 open  ETA 0:04"),
            (34, "job 7 [===>     ]  45 %  ETA 0:04"),
            (25, "job 7 [===>      ]  45 %"),
            // No bar any more.
            (22, "job 7  45 %  ETA 0:04"),
            (12, "job 7  45 %"),
            (6, "45 %"),
            (2, "4"),
            (0, ""),
        ])
    func widths(width: Int, line: String) {
        #expect(ProgressLine.text(Samples.job(progress: Samples.progress), width: width) == line)
    }

    @Test("no width and no progress makes a line too long or traps")
    func never() {
        for width in 0...120 {
            for fraction in [-1, 0, 0.001, 0.5, 0.999, 1, 2, .nan, .infinity] {
                let progress = Progress(round: .max - 1, fraction: fraction, rate: fraction * 1e300, eta: fraction * 1e300)
                #expect(ProgressLine.text(Samples.job(progress: progress), width: width).count <= max(0, width - 1))
                #expect(ProgressLine.text(Samples.job(.waiting), width: width).count <= max(0, width - 1))
            }
        }
    }

    @Test("a job that does not run says why")
    func waiting() {
        var job = Samples.job(.waiting)
        job.reason = "eth0 is down\u{1b}[2J"
        #expect(ProgressLine.text(job, width: 80) == #"job 7 is waiting: eth0 is down\x1b[2J"#)
        #expect(ProgressLine.text(job, width: 20) == "job 7 is waiting: e")
    }

    @Test("a log gets a plain line")
    func plain() {
        var job = Samples.job(progress: Samples.progress)
        job.name = "nightly"
        #expect(ProgressLine.plain(job) == "job 7 (nightly): 45 %, 19,980/s, 1,234 answers, 512 open, 3.20 s to go")
    }
}
