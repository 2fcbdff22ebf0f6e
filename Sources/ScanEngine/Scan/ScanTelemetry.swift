import Synchronization

/// What the transmit thread tells while it runs, for any thread to read.
final class ScanTelemetry: Sendable {
    let probesSent = Atomic<Int64>(0)
    let sendErrors = Atomic<Int64>(0)
    let linkDrops = Atomic<Int64>(0)
    let round = Atomic<Int>(0)
    let position = Atomic<UInt64>(0)
    /// Probes a second.
    let rate = Atomic<Double>(0)

    /// What the controller has found; 0 where the rate is given.
    let foundRate = Atomic<Double>(0)
    let isRateVerified = Atomic<Bool>(false)

    /// When the transmit and the capture thread were last seen at work; ns on the steady clock, 0 before that.
    let transmitPulse = Atomic<Int64>(0)
    let capturePulse = Atomic<Int64>(0)
    /// Everything that had arrived by then has been taken; ns, steady clock.
    let takenUntil = Atomic<Int64>(0)
    /// When the last probe of the last pass left; ns, steady clock.
    let lastProbe = Atomic<Int64>(0)

    private let windowStart = Atomic<Int64>(0)
    private let windowProbes = Atomic<Int64>(0)
    private static let window: Int64 = 250_000_000

    /// Notes that `probes` left at `now` (ns, steady clock). The transmit thread only.
    func observe(_ now: Int64, probes: Int) {
        let start = windowStart.load(ordering: .relaxed)
        let count = windowProbes.load(ordering: .relaxed) + Int64(probes)
        let elapsed = now - start
        guard elapsed >= Self.window else {
            windowProbes.store(count, ordering: .relaxed)
            return
        }
        // A longer gap is a pause between rounds, not a slow stretch.
        if start > 0, elapsed < 8 * Self.window { rate.store(Double(count) * 1e9 / Double(elapsed), ordering: .relaxed) }
        windowStart.store(now, ordering: .relaxed)
        windowProbes.store(0, ordering: .relaxed)
    }
}
