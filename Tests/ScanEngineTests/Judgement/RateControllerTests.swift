import ScanEngine
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
        var most = 100_000.0
    }

    private struct Outcome {
        var seconds: Double
        var lost: Int
        var meanRate: Double
        var isVerified: Bool
    }

    /// Sends one probe to each target.
    private static func scan(_ path: Path, seed: UInt64) -> Outcome {
        var generator = SeededGenerator(seed: seed)
        var controller = RateController(hosts: 4096, most: path.most)
        var log = StretchLog()
        var (now, owed, tokens, queued) = (Int64(0), 0.0, (path.limit ?? 0) / 50, 0.0)
        var arrivals: [(time: Int64, position: UInt64, delay: Int64)] = []
        var (position, lost, resets, smoothed) = (UInt64(0), 0, 0, 0.0)
        var sent = 0
        var stretchEnd: Int64 = 0
        while position < path.targets {
            if now >= stretchEnd {
                log.close(at: now, before: position, first: sent, canaries: 0)
                log.open(Stretch(rate: controller.rate, isFirst: true, start: position))
                (sent, stretchEnd) = (0, now + 10_000_000)
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
                sent += 1
                let wait = passes()
                if wait == nil { lost += 1 }
                let answers = generator.unit() >= path.silent && generator.unit() >= path.loss && generator.unit() >= path.loss
                if let wait, answers { arrivals.append((now + path.delay + wait, position, path.delay + wait)) }
                position += 1
            }
            for arrival in arrivals where arrival.time <= now {
                let microseconds = UInt32(arrival.delay / 1000)
                log.answered(arrival.position, isCanary: false, at: arrival.time / 1000, roundTrip: microseconds)
                smoothed = smoothed == 0 ? Double(arrival.delay) : smoothed * 0.875 + Double(arrival.delay) * 0.125
                if generator.unit() < path.open / (1 - path.silent) { resets += 1 }
            }
            arrivals.removeAll { $0.time <= now }
            now += 1_000_000
            let rate = controller.rate
            let patience = smoothed > 0 ? Int64(1.5 * smoothed) : 1_000_000_000
            while let stretch = log.take(endedBefore: now - patience - 10_000_000) {
                _ = controller.judge(stretch, most: path.most, now: now)
            }
            if controller.rate != rate { stretchEnd = now }
        }
        return Outcome(
            seconds: Double(now) / 1e9, lost: lost, meanRate: Double(path.targets) / Double(now) * 1e9, isVerified: controller.isVerified)
    }

    @Test("a policer: the rate stays near what it lets through, and little is lost", arguments: 1...5 as ClosedRange<UInt64>)
    func policer(seed: UInt64) {
        let path = Path(limit: 20_000)
        let outcome = Self.scan(path, seed: seed)
        let ideal = Double(path.targets) * (1 + path.open) / 20_000
        #expect(outcome.seconds < 1.5 * ideal, "ideal \(ideal) s")
        #expect(outcome.lost < path.targets / 8)
    }

    @Test("constant loss is no congestion", arguments: [0.0, 0.05, 0.1, 0.2])
    func constantLoss(loss: Double) {
        let outcome = Self.scan(Path(targets: 400_000, loss: loss), seed: 7)
        #expect(outcome.meanRate > 80_000)
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
