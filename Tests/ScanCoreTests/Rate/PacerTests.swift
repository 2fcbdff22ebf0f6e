import ScanCore
import TestSupport
import Testing

@Suite("Pacing, by a virtual clock")
struct PacerTests {
    private static let rates = [1, 10, 1000, 20_000, 100_000, 1_000_000]

    /// One look of the transmit loop: when, and how many left.
    private struct Departure {
        var time: Int64
        var count: Int
    }

    /// Runs the transmit loop's waiting and sending for `seconds`; `lateness` gives how much later than asked each wake-up comes, ns.
    private static func departures(rate: Int, seconds: Double, lateness: (Int64) -> Int64) -> [Departure] {
        // Days of uptime, where a Double has few bits left for nanoseconds.
        let start: Int64 = 40 * 86_400 * 1_000_000_000
        let end = start + Int64(seconds * 1e9)
        var now = start
        var pacer = Pacer(rate: Double(rate), batch: 256, now: now)
        var departures: [Departure] = []
        while now <= end {
            let permitted = pacer.permitted(now: now)
            if permitted > 0 {
                departures.append(Departure(time: now - start, count: permitted))
                pacer.spend(permitted, now: now)
                // What the system call costs: a tenth of a microsecond a probe.
                now += Int64(permitted) * 100
            } else {
                now += max(1, pacer.delay(now: now)) + lateness(now - start)
            }
        }
        return departures
    }

    /// Seconds to simulate so that one per cent is more than one probe where that can be.
    private static func seconds(_ rate: Int) -> Double { rate <= 10 ? 10 : 2 }

    private static func expectPace(_ departures: [Departure], rate: Int, seconds: Double) {
        var sent = 0
        for departure in departures {
            sent += departure.count
            let due = Double(rate) * Double(departure.time) / 1e9
            let ahead = max(64, Double(rate) / 1000)
            #expect(Double(sent) <= due + 1 + 1e-6, "the n-th probe leaves (n − 1) / rate after the first or later")
            #expect(Double(sent) <= due + ahead)
        }
        let expected = Double(rate) * seconds
        #expect(abs(Double(sent) - expected) <= max(1, expected / 100), "\(sent) of \(expected)")
    }

    @Test("the rate is kept to 1 % or one probe on a quiet machine", arguments: rates)
    func quiet(rate: Int) {
        let seconds = Self.seconds(rate)
        Self.expectPace(Self.departures(rate: rate, seconds: seconds) { _ in 0 }, rate: rate, seconds: seconds)
    }

    @Test("wake-ups that come up to 2 ms late do not slow the scan down", arguments: rates)
    func jitter(rate: Int) {
        var generator = SeededGenerator(seed: UInt64(rate))
        let seconds = Self.seconds(rate)
        let departures = Self.departures(rate: rate, seconds: seconds) { _ in
            Int64.random(in: 0...(generator.next() % 10 == 0 ? 2_000_000 : 100_000), using: &generator)
        }
        Self.expectPace(departures, rate: rate, seconds: seconds)
    }

    /// Every 200 ms a stall of `milliseconds`.
    private static func stalling(_ milliseconds: Int64) -> (Int64) -> Int64 {
        var next: Int64 = 200_000_000
        return { time in
            guard time >= next else { return 50_000 }
            next += 200_000_000
            return milliseconds * 1_000_000
        }
    }

    @Test("stalls of 80 ms are made up for", arguments: rates)
    func stalls(rate: Int) {
        let seconds = Self.seconds(rate)
        Self.expectPace(Self.departures(rate: rate, seconds: seconds, lateness: Self.stalling(80)), rate: rate, seconds: seconds)
    }

    @Test("after a stall probes leave at no more than twice the rate", arguments: [20, 80, 500] as [Int64])
    func catchUp(milliseconds: Int64) {
        for rate in [1000, 20_000, 100_000, 1_000_000] {
            let departures = Self.departures(rate: rate, seconds: 2, lateness: Self.stalling(milliseconds))
            let window: Int64 = 10_000_000
            // A batch may stand at the window's edge, and may itself be a millisecond late.
            let batch = max(1, min(256, rate / 2000)) + 2 * rate / 1000
            var first = 0
            var inside = 0
            for departure in departures {
                inside += departure.count
                while departures[first].time <= departure.time - window {
                    inside -= departures[first].count
                    first += 1
                }
                #expect(inside <= 2 * rate / 100 + batch, "rate \(rate), at \(departure.time) ns")
            }
        }
    }

    @Test("a stall of half a second is forgiven but for a tenth of one")
    func forgiveness() {
        var pacer = Pacer(rate: 10_000, batch: 256, now: 0)
        var now: Int64 = 500_000_000
        var sent = 0
        while now < 1_000_000_000 {
            let permitted = pacer.permitted(now: now)
            sent += permitted
            pacer.spend(permitted, now: now)
            now += max(1000, pacer.delay(now: now))
        }
        // 5000 are due in this half second, 1000 are caught up with.
        #expect((5900...6001).contains(sent))
    }

    @Test("after a deliberate pause nothing is caught up with")
    func resume() {
        var pacer = Pacer(rate: 10_000, batch: 256, now: 0)
        pacer.spend(pacer.permitted(now: 0), now: 0)
        pacer.resume(now: 50_000_000)
        #expect(pacer.permitted(now: 50_000_000) == 1)
    }

    @Test("a pause shorter than an interval does not let a probe leave early")
    func resumeTooSoon() {
        var pacer = Pacer(rate: 1, batch: 256, now: 0)
        pacer.spend(pacer.permitted(now: 0), now: 0)
        pacer.resume(now: 10_000_000)
        #expect(pacer.permitted(now: 10_000_000) == 0)
        #expect(pacer.permitted(now: 999_999_999) == 0)
        #expect(pacer.permitted(now: 1_000_000_000) == 1)
    }

    @Test("a new rate holds at once: nothing is caught up with, and a slow past delays nothing")
    func change() {
        var pacer = Pacer(rate: 1, batch: 256, now: 0)
        pacer.spend(pacer.permitted(now: 0), now: 0)
        pacer.change(rate: 1000, now: 1_000_000)
        #expect(pacer.delay(now: 1_000_000) <= 1_000_000)
        #expect(pacer.permitted(now: 1_000_000) <= 1)
        #expect(pacer.permitted(now: 2_000_000) == 1)
        pacer.change(rate: 1, now: 500_000_000)
        pacer.spend(1, now: 500_000_000)
        #expect(pacer.permitted(now: 1_400_000_000) == 0)
        #expect(pacer.permitted(now: 1_500_000_000) == 1)
    }

    @Test("no rate is too odd", arguments: [-.infinity, -1, 0, 0.25, 1, 1e300] as [Double])
    func oddRates(rate: Double) {
        var pacer = Pacer(rate: rate, batch: 256, now: 0)
        for now in stride(from: 0, to: 5_000_000_000 as Int64, by: 333_333_333) {
            let permitted = pacer.permitted(now: now)
            #expect((0...256).contains(permitted))
            pacer.spend(permitted, now: now)
            #expect(pacer.delay(now: now) >= 0)
        }
    }
}
