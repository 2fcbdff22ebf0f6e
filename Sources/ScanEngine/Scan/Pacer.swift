/// Spreads probes evenly in time: the n-th leaves no earlier than (n − 1) / rate after the first.
///
/// After a stall it catches up at no more than twice the rate, and forgives what lies more than a tenth of a second back.
package struct Pacer {
    /// By how much a batch of the catching-up may be late, ns.
    private static let tolerance = 1_000_000.0

    private let interval: Double
    private let quantum: Int
    private let forgiven: Double
    /// When the next probe is due, and before when nothing leaves; ns on the steady clock.
    private var due: Double
    private var earliest: Double

    /// `rate` in probes a second, at least 1; `batch` is the most that may leave at once.
    package init(rate: Int, batch: Int, now: Int64) {
        interval = 1e9 / Double(max(1, rate))
        // A wake-up each half millisecond is cheap, one per packet is not.
        quantum = max(1, min(batch, Int(500_000 / interval)))
        forgiven = max(100_000_000, interval)
        due = Double(now)
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
