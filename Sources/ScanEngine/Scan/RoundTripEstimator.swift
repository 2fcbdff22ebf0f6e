/// How long answers take, and how long to wait for the last of them.
///
/// RFC 6298's smoothed estimator, and beside it the tail of what was seen: a path with a wide spread (300 ± 100 ms) or a few far hosts
/// among near ones is waited for as long as its slow answers need.
package struct RoundTripEstimator: Sendable {
    /// Microseconds.
    package static let floor: Int64 = 50_000
    package static let ceiling: Int64 = 10_000_000
    package static let firstGuess: Int64 = 1_000_000

    /// No stack repeats a SYN-ACK sooner than a second after the first one (RFC 6298 §2.1): what comes before is a first answer.
    private static let beforeRepeats: Int64 = 900_000

    private var smoothed: Double?
    private var variation = 0.0
    private var slowest = 0.0

    package init() {}

    /// Takes the round trip of a target's first answer, µs.
    ///
    /// Once there is an estimate, one that is beyond it and could be a repeated SYN-ACK (sent after 1, 3, 7 s) is left out. A slow answer
    /// that cannot be one counts however fast the others were: far hosts among near ones.
    package mutating func add(_ microseconds: Int64) {
        guard microseconds >= 0, microseconds <= (smoothed == nil ? Self.ceiling : max(timeout, Self.beforeRepeats)) else { return }
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

    /// By when most answers have come, µs: one and a half smoothed round trips; until the first answer a guess.
    package var patience: Int64 { smoothed.map { Int64(1.5 * $0) } ?? Self.firstGuess }

    /// How long to wait for an answer, µs.
    package var timeout: Int64 {
        guard let smoothed else { return Self.firstGuess }
        return min(max(Int64(max(smoothed + 4 * variation, 1.5 * slowest)), Self.floor), Self.ceiling)
    }
}
