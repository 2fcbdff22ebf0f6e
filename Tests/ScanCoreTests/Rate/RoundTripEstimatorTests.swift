import ScanCore
import TestSupport
import Testing

@Suite("How long answers are waited for")
struct RoundTripEstimatorTests {
    @Test("a second before the first answer, and RFC 6298's numbers after it")
    func byHand() {
        var estimator = RoundTripEstimator()
        #expect(estimator.timeout == 1_000_000)
        // SRTT 800, RTTVAR 400: 800 + 4 · 400 ms.
        estimator.add(800_000)
        #expect(estimator.timeout == 2_400_000)
        // RTTVAR ¾ · 400 + ¼ · 200 = 350, SRTT ⅞ · 800 + ⅛ · 600 = 775.
        estimator.add(600_000)
        #expect(estimator.timeout == 2_175_000)
        // RTTVAR ¾ · 350 + ¼ · 75 = 281.25, SRTT ⅞ · 775 + ⅛ · 700 = 765.625.
        estimator.add(700_000)
        #expect(estimator.timeout == 1_890_625)
    }

    @Test("as long as nothing answers each pass is waited for twice as long as the one before, up to four seconds")
    func doubling() {
        var estimator = RoundTripEstimator()
        let waits = (0..<9).map { pass in
            estimator.begin(pass: pass)
            return estimator.timeout
        }
        #expect(waits == [1, 2, 4, 4, 4, 4, 4, 4, 4].map { $0 * 1_000_000 })
        estimator.add(300)
        #expect(estimator.timeout == RoundTripEstimator.floor)
        estimator.begin(pass: 3)
        #expect(estimator.timeout == RoundTripEstimator.floor)
    }

    @Test(
        "silence is believed later than the first guess, and later still where some answers were slow, but not for a repeated SYN-ACK of seconds"
    )
    func silence() {
        var estimator = RoundTripEstimator()
        #expect(estimator.lastPatience == (1_000_000, 3_000_000))
        for _ in 0..<100 { estimator.add(300) }
        #expect(estimator.lastPatience == (1_000_000, 2_000_000))
        estimator.add(800_000)
        for _ in 0..<100_000 { estimator.add(300) }
        #expect(estimator.lastPatience == (1_200_000, 2_000_000), "however many fast ones come behind")
        estimator.add(7_000_000)
        #expect(estimator.lastPatience.afterLast == 1_200_000)
    }

    @Test("silent targets of hosts that have answered are waited for by twice what those take")
    func silenceOfKnownHosts() {
        var estimator = RoundTripEstimator()
        for _ in 0..<100 { estimator.add(300) }
        #expect(estimator.lastPatience(amongHostsOf: 300) == (RoundTripEstimator.floor, 1_250_000))
        #expect(estimator.lastPatience(amongHostsOf: 800_000) == (1_600_000, 1_250_000))
        #expect(estimator.lastPatience(amongHostsOf: 9_000_000) == (6_000_000, 1_250_000), "a stall of one host holds up nobody for long")
    }

    @Test("a fast network is waited for 50 ms, never less")
    func floor() {
        var estimator = RoundTripEstimator()
        for _ in 0..<1000 { estimator.add(40) }
        #expect(estimator.timeout == RoundTripEstimator.floor)
        #expect(RoundTripEstimator.floor == 50_000)
    }

    @Test("nothing is waited for longer than ten seconds")
    func ceiling() {
        var estimator = RoundTripEstimator()
        estimator.add(9_000_000)
        #expect(estimator.timeout == RoundTripEstimator.ceiling)
    }

    @Test("impossible times are left out", arguments: [-1, Int64.min, 10_000_001, Int64.max])
    func impossible(sample: Int64) {
        var estimator = RoundTripEstimator()
        estimator.add(sample)
        #expect(estimator.timeout == RoundTripEstimator.firstGuess)
        estimator.add(50_000)
        estimator.add(sample)
        #expect(estimator.timeout < 200_000)
    }

    @Test("on a path of 300 ± 100 ms the slowest answer is always waited for", arguments: 0..<50 as Range<UInt64>)
    func wideSpread(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var estimator = RoundTripEstimator()
        for _ in 0..<5000 {
            let before = estimator.timeout
            estimator.add(Int64.random(in: 200_000...400_000, using: &generator))
            #expect(before >= 400_000 && estimator.timeout >= 400_000)
        }
        // And not much longer: the job has to end.
        #expect(estimator.timeout <= 700_000)
    }

    @Test("a few far hosts among many near ones are waited for", arguments: [250_000, 300_000, 600_000, 850_000] as [Int64])
    func farHosts(far: Int64) {
        var generator = SeededGenerator(seed: 90)
        var estimator = RoundTripEstimator()
        for _ in 0..<1000 { estimator.add(1000) }
        for _ in 0..<5000 { estimator.add(generator.next() % 20 == 0 ? far : 1000) }
        #expect(estimator.timeout >= far)
    }

    @Test("repeated SYN-ACKs, 1, 3 and 7 s late on a path of 1 ms, do not stretch the wait")
    func repeats() {
        var estimator = RoundTripEstimator()
        for _ in 0..<100 { estimator.add(1000) }
        for late in [1, 3, 7] as [Int64] {
            estimator.add(late * 1_000_000 + 1000)
            #expect(estimator.timeout == RoundTripEstimator.floor)
        }
    }

    @Test("one stall is forgotten again")
    func recovery() {
        var estimator = RoundTripEstimator()
        estimator.add(90_000)
        for _ in 0..<40_000 { estimator.add(1000) }
        #expect(estimator.timeout == RoundTripEstimator.floor)
    }
}
