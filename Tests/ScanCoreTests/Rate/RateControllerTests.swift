import ScanCore
import TestSupport
import Testing

@Suite("Finding the rate")
struct RateControllerTests {
    /// A path in virtual time, in steps of a millisecond.
    private struct Path {
        var targets = 40_000
        /// Shares of the targets that are open and that say nothing.
        var open = 0.25
        var silent = 0.1
        /// Of the probes and answers, each way.
        var loss = 0.0
        var delay: Int64 = 200_000
        /// Packets a second, nil where nothing limits them; with `queue` they wait for their turn instead of being dropped.
        var limit: Double?
        var queue = 0.0
        /// When nothing gets through, ns.
        var outage = Int64(0)..<0
        var most = 100_000.0
        var hosts: UInt128 = 4096
    }

    private struct Outcome {
        var seconds: Double
        var lost: Int
        var meanRate: Double
        var isVerified: Bool
        /// How often everything so far was called lost.
        var restarts: Int
    }

    /// Sends one probe to each target, and a canary after about fifty of them.
    private static func scan(_ path: Path, seed: UInt64) -> Outcome {
        var generator = SeededGenerator(seed: seed)
        var controller = RateController(hosts: path.hosts, most: path.most)
        var log = StretchLog()
        var (now, owed, tokens, queued) = (Int64(0), 0.0, (path.limit ?? 0) / 50, 0.0)
        var arrivals: [(time: Int64, position: UInt64, delay: Int64, isCanary: Bool)] = []
        var (position, lost, resets, smoothed) = (UInt64(0), 0, 0, 0.0)
        var (sent, canaries, untilCanary, answered, restarts) = (0, 0, 50, 0, 0)
        var stretchEnd: Int64 = 0
        while position < path.targets {
            if now >= stretchEnd {
                log.close(at: now, before: position, first: sent, canaries: canaries)
                log.open(Stretch(rate: controller.rate, isFirst: true, start: position))
                (sent, canaries, stretchEnd) = (0, 0, now + 10_000_000)
            }
            owed += controller.rate / 1000
            if let limit = path.limit {
                tokens = min(limit / 50, tokens + limit / 1000)
                queued = max(0, queued - limit / 1000)
            }
            func passes() -> Int64? {
                guard let limit = path.limit else { return 0 }
                if path.queue > 0 {
                    guard queued < path.queue * limit else { return nil }
                    queued += 1
                    return Int64(queued / limit * 1e9)
                }
                guard tokens >= 1 else { return nil }
                tokens -= 1
                return 0
            }
            for _ in 0..<resets { _ = passes() }
            resets = 0
            while owed >= 1, position < path.targets {
                owed -= 1
                let isCanary = answered > 0 && untilCanary <= 0
                untilCanary = isCanary ? 25 + generator.below(50) : untilCanary - 1
                let wait = passes()
                let exists = isCanary || generator.unit() >= path.silent
                let answers = exists && generator.unit() >= path.loss && generator.unit() >= path.loss
                if let wait, answers, !path.outage.contains(now) {
                    arrivals.append((now + path.delay + wait, position, path.delay + wait, isCanary))
                }
                if isCanary {
                    canaries += 1
                } else {
                    if wait == nil { lost += 1 }
                    sent += 1
                    position += 1
                }
            }
            for arrival in arrivals where arrival.time <= now {
                let microseconds = UInt32(arrival.delay / 1000)
                answered += 1
                log.answered(arrival.position, isCanary: arrival.isCanary, at: arrival.time / 1000, roundTrip: microseconds)
                smoothed = smoothed == 0 ? Double(arrival.delay) : smoothed * 0.875 + Double(arrival.delay) * 0.125
                if generator.unit() < path.open / (1 - path.silent) { resets += 1 }
            }
            arrivals.removeAll { $0.time <= now }
            now += 1_000_000
            let rate = controller.rate
            let patience = smoothed > 0 ? Int64(1.5 * smoothed) : 1_000_000_000
            while let stretch = log.take(endedBefore: now - patience - 10_000_000) {
                if controller.judge(stretch, most: path.most, now: now) == .lossyThroughout { restarts += 1 }
            }
            if controller.rate != rate { stretchEnd = now }
        }
        return Outcome(
            seconds: Double(now) / 1e9, lost: lost, meanRate: Double(path.targets) / Double(now) * 1e9, isVerified: controller.isVerified,
            restarts: restarts)
    }

    @Test("a policer: the rate stays near what it lets through, and little is lost", arguments: 1...20 as ClosedRange<UInt64>)
    func policer(seed: UInt64) {
        let path = Path(limit: 20_000)
        let outcome = Self.scan(path, seed: seed)
        let ideal = Double(path.targets) * (1 + path.open) / 20_000
        #expect(outcome.seconds < 1.5 * ideal, "ideal \(ideal) s")
        #expect(outcome.lost < path.targets / 8)
    }

    @Test("constant loss is no congestion", arguments: [0.0, 0.05, 0.1, 0.2, 0.4])
    func constantLoss(loss: Double) {
        let outcome = Self.scan(Path(targets: 400_000, loss: loss), seed: 7)
        #expect(outcome.meanRate > 80_000)
        #expect(outcome.restarts == 0)
    }

    @Test(
        "a host that answers less than what it is sent from the beginning is found out, and only once",
        arguments: 1...5 as ClosedRange<UInt64>)
    func slowHost(seed: UInt64) {
        let outcome = Self.scan(Path(targets: 8192, open: 0, silent: 0.02, limit: 200, most: 1000, hosts: 1), seed: seed)
        #expect(outcome.restarts == 1)
        // What is lost before that is sent again.
        #expect(outcome.lost < 3000)
        #expect(outcome.meanRate < 330)
    }

    @Test("a policer behind a long delay is found all the same", arguments: 1...3 as ClosedRange<UInt64>)
    func farPolicer(seed: UInt64) {
        let path = Path(targets: 160_000, delay: 300_000_000, limit: 20_000)
        let outcome = Self.scan(path, seed: seed)
        #expect(outcome.seconds < 2 * Double(path.targets) * (1 + path.open) / 20_000)
        #expect(outcome.lost < path.targets / 3)
    }

    @Test(
        "a long queue is not filled up: rising round trips slow it down before anything is dropped", arguments: 1...3 as ClosedRange<UInt64>
    )
    func queue(seed: UInt64) {
        let path = Path(targets: 160_000, limit: 20_000, queue: 1)
        let outcome = Self.scan(path, seed: seed)
        #expect(outcome.seconds < 2 * Double(path.targets) * (1 + path.open) / 20_000)
        #expect(outcome.lost < path.targets / 50)
    }

    @Test("a lower rate that is tried out when a round ends is decided in the next", arguments: [true, false])
    func unfinishedTrial(isBetter: Bool) {
        var controller = RateController(hosts: 4096, most: 10_000)
        var stretch = Stretch(rate: 10_000, isFirst: false, start: 0)
        stretch.canaries = ProbeCount(sent: 20, answered: 5)
        for _ in 0..<3 { _ = controller.judge(stretch, most: 10_000, now: 1) }
        let lower = controller.rate
        #expect(lower < 3000)
        controller.beginRound()
        var verdicts: [RateController.Verdict] = []
        for _ in 0..<11 where verdicts.last ?? .open == .open {
            stretch = Stretch(rate: lower, isFirst: false, start: 0)
            stretch.canaries = ProbeCount(sent: 20, answered: isBetter ? 19 : 5)
            verdicts.append(controller.judge(stretch, most: 10_000, now: 1))
        }
        #expect(verdicts.last == (isBetter ? .lossyThroughout : .good))
        #expect(controller.rate == (isBetter ? lower : 10_000))
    }

    @Test(
        "chance is not taken for loss: a path that bears any rate is soon used as much as may be", arguments: 1...40 as ClosedRange<UInt64>)
    func chance(seed: UInt64) {
        let path = Path(targets: 500_000, open: 0.05, silent: 0.79, most: 250_000)
        #expect(Self.scan(path, seed: seed).seconds < 1.5 * Double(path.targets) / path.most)
    }

    @Test("a moment in which everything is lost holds up a scan for moments", arguments: 1...3 as ClosedRange<UInt64>)
    func hiccup(seed: UInt64) {
        let path = Path(targets: 500_000, silent: 0.79, outage: 40_000_000..<100_000_000, most: 250_000)
        #expect(Self.scan(path, seed: seed).seconds < 12)
    }

    @Test("where nothing answers the first rate stays, and says that it is unverified")
    func emptyNetwork() {
        let outcome = Self.scan(Path(targets: 20_000, silent: 1), seed: 1)
        #expect(!outcome.isVerified)
        #expect(9_000...10_100 ~= outcome.meanRate)
    }

    @Test("the first rate is bounded by hosts and by the cap")
    func firstRate() {
        #expect(RateController(hosts: 1, most: 100_000).rate == 1000)
        #expect(RateController(hosts: 256, most: 100_000).rate == 10_000)
        #expect(RateController(hosts: 256, most: 500).rate == 500)
    }
}

extension SeededGenerator {
    /// At least 0 and below 1.
    fileprivate mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}
