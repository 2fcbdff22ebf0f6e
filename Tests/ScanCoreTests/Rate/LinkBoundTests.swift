import ScanCore
import Testing

@Suite("What an interface drops without a word")
struct LinkBoundTests {
    private static let stretch: Int64 = 10_000_000

    /// Sends for `seconds` at most at `wanted` into an interface that takes `capacity` packets a second; what was dropped and how often it was asked
    /// to be sent again.
    private static func run(_ bound: inout LinkBound, wanted: Double, capacity: Double, seconds: Double, from start: Int64 = 0)
        -> (sent: Int, dropped: Int, repeats: Int, end: Int64)
    {
        var (sent, dropped, repeats, now) = (0, 0, 0, start)
        while now < start + Int64(seconds * 1e9) {
            now += stretch
            let rate = min(wanted, bound.rate)
            let count = Int(rate / 100)
            let lost = max(0, count - Int(capacity / 100))
            sent += count
            dropped += lost
            if bound.judge(sent: count, dropped: lost, elapsed: stretch, now: now) { repeats += 1 }
        }
        return (sent, dropped, repeats, now)
    }

    @Test("an interface that takes everything is no bound")
    func free() {
        var bound = LinkBound()
        let result = Self.run(&bound, wanted: 1_000_000, capacity: 2_000_000, seconds: 1)
        #expect(result.repeats == 0 && bound.rate == .infinity)
    }

    @Test("the rate settles just below what it takes, and hardly anything is sent twice")
    func settles() {
        var bound = LinkBound()
        _ = Self.run(&bound, wanted: 2_000_000, capacity: 800_000, seconds: 0.1)
        let result = Self.run(&bound, wanted: 2_000_000, capacity: 800_000, seconds: 5, from: 100_000_000)
        #expect(Double(result.dropped) < 0.01 * Double(result.sent))
        #expect(Double(result.sent - result.dropped) / 5 > 0.9 * 800_000)
        #expect(result.repeats < 12)
    }

    @Test("an interface that drops the same share at any rate does not slow the scan down", arguments: [0.01, 0.1, 0.5, 1])
    func indifferent(share: Double) {
        var bound = LinkBound()
        var now: Int64 = 0
        var sent = 0
        while now < 20_000_000_000 {
            now += Self.stretch
            let count = Int(min(100_000, bound.rate) / 100)
            sent += count
            let lost = Int((Double(count) * share).rounded(.up))
            let isLossy = bound.judge(sent: count, dropped: lost, elapsed: Self.stretch, now: now)
            #expect(isLossy)
        }
        #expect(sent > 1_900_000)
    }

    @Test("one that is far too slow is found out all the same, though its ring has taken a thousand at first")
    func deep() {
        var bound = LinkBound()
        var now: Int64 = 0
        var (sent, dropped, queued) = (0, 0, 0)
        while now < 10_000_000_000 {
            now += Self.stretch
            let count = Int(min(1_900_000, bound.rate) / 100)
            let taken = min(count, 1000 - queued + 140)
            queued = max(0, queued + taken - 140)
            if now > 1_000_000_000 { (sent, dropped) = (sent + count, dropped + count - taken) }
            _ = bound.judge(sent: count, dropped: count - taken, elapsed: Self.stretch, now: now)
        }
        #expect(Double(dropped) < 0.02 * Double(sent))
        #expect(Double(sent - dropped) > 0.8 * 9 * 14_000)
    }

    @Test("a bound that is needed no more goes away")
    func recovers() {
        var bound = LinkBound()
        let end = Self.run(&bound, wanted: 2_000_000, capacity: 500_000, seconds: 0.2).end
        #expect(bound.rate < 500_000)
        _ = Self.run(&bound, wanted: 2_000_000, capacity: 4_000_000, seconds: 15, from: end)
        #expect(bound.rate > 2_000_000)
    }

    @Test("a frame that is lost among thousands is the path's business")
    func singleDrops() {
        var bound = LinkBound()
        let verdicts = [(10_000, 9), (10_000, 11), (0, 0)].enumerated().map { index, counts in
            bound.judge(sent: counts.0, dropped: counts.1, elapsed: Self.stretch, now: Int64(index + 1) * Self.stretch)
        }
        #expect(verdicts == [false, true, false])
    }
}
