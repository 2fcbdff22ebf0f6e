/// How long answers take, and how long to wait for the last of them.
///
/// RFC 6298's smoothed estimator, and beside it the tail of what was seen: a path with a wide spread (300 ± 100 ms) or a few far hosts
/// among near ones is waited for as long as its slow answers need.
struct RoundTripEstimator: Sendable {
    /// Microseconds.
    static let floor: Int64 = 100_000
    static let ceiling: Int64 = 10_000_000
    static let firstGuess: Int64 = 1_000_000

    private var smoothed: Double?
    private var variation = 0.0
    private var slowest = 0.0

    /// Takes the round trip of a target's first answer, µs.
    ///
    /// One beyond the current time-out is left out once there is an estimate: it is more likely a repeated SYN-ACK (sent after 1, 3, 7 s)
    /// than a slow path.
    mutating func add(_ microseconds: Int64) {
        guard microseconds >= 0, microseconds <= (smoothed == nil ? Self.ceiling : timeout) else { return }
        let sample = Double(microseconds)
        if let mean = smoothed {
            variation += (abs(mean - sample) - variation) / 4
            smoothed = mean + (sample - mean) / 8
        } else {
            smoothed = sample
            variation = sample / 2
        }
        // Forgets slowly, so that one stall does not stretch every later wait.
        slowest = max(sample, slowest * 0.9999)
    }

    /// How long to wait for an answer, µs.
    var timeout: Int64 {
        guard let smoothed else { return Self.firstGuess }
        return min(max(Int64(max(smoothed + 4 * variation, 1.5 * slowest)), Self.floor), Self.ceiling)
    }
}
