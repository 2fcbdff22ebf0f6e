/// Spreads probes evenly in time: the n-th leaves no earlier than (n − 1) / rate after the first.
///
/// After a stall it catches up at no more than twice the rate, and forgives what lies more than a tenth of a second back.
package struct Pacer {
    /// By how much a batch of the catching-up may be late, ns.
    private static let tolerance = 1_000_000.0

    private let batch: Int
    private var interval: Double
    private var quantum: Int
    private var forgiven: Double
    /// When the next probe is due, and before when nothing leaves; ns on the steady clock.
    private var due: Double
    private var earliest: Double

    /// Probes a second. A share of the daemon's rate can be less than one.
    package static let slowest = 0.001
    private static let fastest = 1e9

    /// `rate` in probes a second, at least `slowest`, whatever is given; `batch` is the most that may leave at once.
    package init(rate: Double, batch: Int, now: Int64) {
        self.batch = batch
        (interval, quantum, forgiven) = Self.measures(rate, batch)
        due = Double(now)
        earliest = due
    }

    private static func measures(_ rate: Double, _ batch: Int) -> (interval: Double, quantum: Int, forgiven: Double) {
        let interval = 1e9 / min(max(slowest, rate), fastest)
        // A wake-up each half millisecond is cheap, one per packet is not.
        return (interval, max(1, min(batch, Int(500_000 / interval))), max(100_000_000, interval))
    }

    /// Goes on at another rate: what was owed at the old one is forgotten, and the next probe leaves no later than an interval of the new one.
    package mutating func change(rate: Double, now: Int64) {
        (interval, quantum, forgiven) = Self.measures(rate, batch)
        due = min(max(due, Double(now)), Double(now) + interval)
        earliest = due
    }

    /// How many probes may leave now.
    @inline(__always)
    package mutating func permitted(now: Int64) -> Int {
        let now = Double(now)
        if now - due > forgiven { due = now - forgiven }
        guard now >= earliest, now >= due else { return 0 }
        return min(quantum, Int((now - due) / interval) + 1)
    }

    /// Notes that `count` probes left at `now`.
    @inline(__always)
    package mutating func spend(_ count: Int, now: Int64) {
        due += Double(count) * interval
        // Late wake-ups count as time that has passed, or a busy machine would never catch up.
        earliest = max(earliest, Double(now) - Self.tolerance) + Double(count) * interval / 2
    }

    /// Nanoseconds until it is worth to ask again.
    package func delay(now: Int64) -> Int64 {
        let worthwhile = max(earliest, due + Double(quantum - 1) * interval)
        return max(0, Int64(worthwhile - Double(now)))
    }

    /// Sending starts again after a deliberate pause: nothing is to be caught up with.
    package mutating func resume(now: Int64) {
        due = max(due, Double(now))
        earliest = max(earliest, Double(now))
    }
}
