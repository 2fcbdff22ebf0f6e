/// How long answers take, and how long to wait for the last of them.
///
/// RFC 6298's smoothed estimator, and beside it the tail of what was seen: a path with a wide spread (300 ± 100 ms) or a few far hosts
/// among near ones is waited for as long as its slow answers need.
package struct RoundTripEstimator: Sendable {
    /// Microseconds.
    package static let floor: Int64 = 50_000
    package static let ceiling: Int64 = 10_000_000
    package static let firstGuess: Int64 = 1_000_000
    private static let greatestGuess: Int64 = 4_000_000

    /// Nobody is taken for silent sooner than so long after his last probe, and after his first one where his own host has answered, where others have,
    /// and where nobody has; µs. His answers may take longer than those of all who have answered, and the latter two are what the first guess and its
    /// double add up to. One port of a host may take longer than another: what stands before the host may have answered for it.
    package static let leastPatience: Int64 = 1_000_000
    private static let firstPatience: (known: Int64, among: Int64, alone: Int64) = (1_250_000, 2_000_000, 3_000_000)
    /// Slower answers do not make the others be waited for longer.
    private static let slowestThatCounts: Int64 = 3_000_000

    /// No stack repeats a SYN-ACK sooner than a second after the first one (RFC 6298 §2.1): what comes before is a first answer.
    private static let beforeRepeats: Int64 = 900_000

    private var smoothed: Double?
    private var variation = 0.0
    private var slowest = 0.0
    private var slowestOfAll: Int64 = 0
    private var guess = firstGuess

    package init() {}

    /// Another pass begins, the first being 0: as long as nothing has answered, it is waited for twice as long as the one before.
    package mutating func begin(pass: Int) {
        guess = min(Self.firstGuess << min(Int64(max(0, pass)), 8), Self.greatestGuess)
    }

    /// Whether anything has answered.
    package var isKnown: Bool { smoothed != nil }

    /// How long the answers to the last probes of a chunk are waited for before silence is believed, µs; and how long those to its first ones.
    package var lastPatience: (afterLast: Int64, afterFirst: Int64) {
        let slow = slowestOfAll + slowestOfAll / 2
        return (max(Self.leastPatience, timeout, slow), isKnown ? Self.firstPatience.among : Self.firstPatience.alone)
    }

    /// The same where each silent target is of a host that has answered, the slowest of these after so many microseconds.
    package func lastPatience(amongHostsOf slowest: Int64) -> (afterLast: Int64, afterFirst: Int64) {
        (max(timeout, 2 * min(slowest, Self.slowestThatCounts)), Self.firstPatience.known)
    }

    /// Takes the round trip of a target's first answer, µs.
    ///
    /// Once there is an estimate, one that is beyond it and could be a repeated SYN-ACK (sent after 1, 3, 7 s) is left out. A slow answer
    /// that cannot be one counts however fast the others were: far hosts among near ones.
    package mutating func add(_ microseconds: Int64) {
        if microseconds <= Self.slowestThatCounts { slowestOfAll = max(slowestOfAll, microseconds) }
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
        guard let smoothed else { return guess }
        return min(max(Int64(max(smoothed + 4 * variation, 1.5 * slowest)), Self.floor), Self.ceiling)
    }
}
