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
        #expect(ProgressLine.text(job, width: 80) == #"job 7 waiting: eth0 is down\x1b[2J"#)
        #expect(ProgressLine.text(job, width: 20) == "job 7 waiting: eth0")
        #expect(ProgressLine.text(Samples.job(.paused), width: 80) == "job 7 paused")
        #expect(ProgressLine.plain(Samples.job(.queued)) == "job 7 queued")
    }

    @Test(
        "a share of the daemon's rate is told where it is less than the job's own rate, and there is room",
        arguments: [
            (5_000, 100, "job 7 [==========>              ]  45 %  19,980/s  share 5,000/s  1,234 answers, 512 open  ETA 0:04"),
            (5_000, 80, "job 7 [========>           ]  45 %  19,980/s  1,234 answers, 512 open  ETA 0:04"),
            // The sample's own rate is 20,000/s.
            (20_000, 85, "job 7 [==========>              ]  45 %  19,980/s  1,234 answers, 512 open  ETA 0:04"),
            (nil, 85, "job 7 [==========>              ]  45 %  19,980/s  1,234 answers, 512 open  ETA 0:04"),
        ] as [(Double?, Int, String)])
    func share(share: Double?, width: Int, line: String) {
        var progress = Samples.progress
        progress.share = share
        #expect(ProgressLine.text(Samples.job(progress: progress), width: width) == line)
    }

    @Test("a log gets a plain line")
    func plain() {
        var job = Samples.job(progress: Samples.progress)
        job.name = "nightly"
        #expect(ProgressLine.plain(job) == "job 7 (nightly): 45 %, 19,980/s, 1,234 answers, 512 open, 3.20 s to go")
        job.progress?.share = 5_000
        #expect(ProgressLine.plain(job) == "job 7 (nightly): 45 %, 19,980/s (its share is 5,000/s), 1,234 answers, 512 open, 3.20 s to go")
    }

    @Test("a log is told progress every half minute, and at once what keeps a job from running and that it goes on")
    func plainLines() {
        let start = ContinuousClock.now
        var lines = PlainProgress(now: start)
        let running = Samples.job(progress: Samples.progress)
        var full = Samples.job(.waiting)
        full.reason = "no space for results"
        var down = Samples.job(.waiting)
        down.reason = "eth0 is down"
        let steps: [(seconds: Int, job: Job, isTold: Bool)] = [
            (1, Samples.job(.queued), false), (2, running, false), (29, running, false), (30, running, true), (31, running, false),
            // Waiting, and for something else.
            (32, full, true), (33, full, false), (34, down, true), (63, down, false), (64, down, true),
            // Paused while it waits, and on again.
            (65, Samples.job(.paused), true), (66, Samples.job(.paused), false), (67, running, true), (68, running, false),
        ]
        for step in steps {
            let line = lines.line(for: step.job, now: start + .seconds(step.seconds))
            #expect(line == (step.isTold ? ProgressLine.plain(step.job) : nil), "after \(step.seconds) s")
        }
    }
}
