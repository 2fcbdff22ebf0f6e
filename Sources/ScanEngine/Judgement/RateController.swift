import Glibc

/// Finds the rate that the path carries.
///
/// It starts low, doubles while the share that answers stays what it is, and takes that share as its reference. When a stretch answers
/// significantly less, packets were lost on the way: the new rate is what was delivered, a little less. From there it goes up slowly again.
/// Loss that does not depend on the rate is in the reference from the beginning and is no reason to slow down; whether it depends on it is
/// tried out at a lower rate when ports that are known to answer mostly do not. The comparison is stratified (Cochran, "Some Methods for
/// Strengthening the Common χ² Tests", 1954; Mantel & Haenszel, 1959). Round-trip times that rise tell of a queue that fills before it drops
/// anything. Not thread-safe.
package struct RateController: Sendable {
    package enum Verdict: Sendable, Equatable {
        /// Not enough is known yet.
        case open
        case good
        /// What was sent since the last good stretch was sent too fast.
        case lossy
        /// And so was everything before it.
        case lossyThroughout
    }

    /// Probes a second at present.
    package private(set) var rate: Double
    /// Whether anything has answered that a rate can be judged by; until then the first rate stays.
    package private(set) var isVerified = false

    private var reference = (first: ProbeCount(), canaries: ProbeCount())
    private var gathered = (first: ProbeCount(), canaries: ProbeCount())
    /// What was measured before the rate was lowered to see whether the loss depends on it; nil while that is not being tried out.
    private var trial: Trial?
    /// The share of the canaries that came back at any rate: the rest is the path's own loss.
    private var innate = 1.0
    private var isSlowStart = true
    private var lastChange: Int64 = 0
    private var leastRoundTrip = Double.infinity
    /// Stretches in a row whose answers all came late.
    private var queueing = 0

    package static let slowest = 100.0
    private static let firstRate = 10_000.0
    private static let firstRatePerHost = 1000.0
    /// Answers to expect before a verdict.
    private static let enough = 100.0
    /// ns.
    private static let holdTime: Int64 = 300_000_000
    /// Canaries that must have been sent, and the share of them below which the rate itself is under suspicion.
    private static let enoughCanaries = 40
    private static let suspicious = 0.75
    /// After so many a trial is over: where hardly anything answers at either rate, it will not be decided.
    private static let mostTrialCanaries = 200

    private struct Trial {
        var rate: Double
        var isSlowStart: Bool
    }

    /// `hosts` is the number of addresses that are scanned.
    package init(hosts: UInt128, most: Double) {
        rate = min(Self.firstRate, Self.firstRatePerHost * Double(max(1, hosts)), most)
    }

    /// A round has other targets than the one before, and canaries on other hosts: their shares are measured anew. What is being tried out goes on:
    /// a short round alone would never decide it.
    package mutating func beginRound() {
        reference.first = ProbeCount()
        gathered.first = ProbeCount()
        guard trial == nil else { return }
        reference.canaries = ProbeCount()
        gathered.canaries = ProbeCount()
    }

    /// The rate may be no higher from now on.
    package mutating func limit(to most: Double) { rate = min(rate, most) }

    /// Judges a stretch whose answers have had the time to come. `most` bounds the rate.
    package mutating func judge(_ stretch: Stretch, most: Double, now: Int64) -> Verdict {
        // One that was sent at another rate says nothing about this one.
        guard abs(stretch.rate - rate) < 1e-6 * rate else { return .open }
        let excess = excess(stretch)
        queueing = excess > max(20_000, leastRoundTrip) ? queueing + 1 : 0
        leastRoundTrip = min(leastRoundTrip, stretch.roundTrips.least)
        if stretch.isFirst { gathered.first += stretch.first }
        gathered.canaries += stretch.canaries
        // One alone can be this machine's doing: it was late to send.
        if queueing >= 2 {
            queueing = 0
            slowDown(to: min(rate * 0.95, 0.9 * (delivered(stretch) ?? rate)), now)
            return .good
        }
        if let trial { return judge(trial, most, now) }
        if startTrial(now) { return .open }
        guard let evidence = compare() else {
            takeReference(most, now)
            return .open
        }
        let isEnough = evidence.expected >= Self.enough || evidence.deficit >= 3.5 * max(evidence.expected, 1).squareRoot()
        guard isEnough else { return .open }
        let z = evidence.deficit / (evidence.variance + 1).squareRoot()
        if z > 3.1, evidence.deficit > 0.01 * evidence.expected {
            slowDown(to: rate * max(0.3, evidence.observed / evidence.expected) * 0.97, now)
            return .lossy
        }
        if z < 1.5 { addToReference() }
        gathered = (ProbeCount(), ProbeCount())
        // Where answers begin to wait there is nothing to gain by more.
        if excess < max(5000, leastRoundTrip / 2) { speedUp(most, now) }
        return .good
    }

    /// Lowers the rate to what gets through, if most of what is known to answer does not.
    private mutating func startTrial(_ now: Int64) -> Bool {
        var canaries = reference.canaries
        canaries += gathered.canaries
        guard canaries.sent >= Self.enoughCanaries, case let share = Double(canaries.answered) / Double(canaries.sent),
            share < Self.suspicious * innate, rate > Self.slowest
        else { return false }
        trial = Trial(rate: rate, isSlowStart: isSlowStart)
        addToReference()
        slowDown(to: rate * max(0.1, share) * 0.97, now)
        return true
    }

    /// Whether more comes back at the lower rate: then it was the rate. Otherwise it is the path, and the rate is as before.
    private mutating func judge(_ trial: Trial, _ most: Double, _ now: Int64) -> Verdict {
        guard let evidence = compare() else { return .open }
        let surplus = -evidence.deficit
        let isMore = surplus / (evidence.variance + 1).squareRoot() > 3.1 && surplus > 0.1 * evidence.expected
        let isEnough = evidence.expected >= Self.enough || gathered.canaries.sent >= Self.mostTrialCanaries
        guard isMore || isEnough else { return .open }
        self.trial = nil
        defer { gathered = (ProbeCount(), ProbeCount()) }
        if isMore {
            reference = gathered
            return .lossyThroughout
        }
        addToReference()
        innate = Double(reference.canaries.answered) / Double(max(1, reference.canaries.sent))
        (rate, isSlowStart, lastChange) = (min(trial.rate, most), trial.isSlowStart, now)
        return .good
    }

    /// By how much even the fastest answer came later than the fastest so far, µs.
    private func excess(_ stretch: Stretch) -> Double {
        stretch.roundTrips.count > 0 && leastRoundTrip < .infinity ? stretch.roundTrips.least - leastRoundTrip : 0
    }

    private struct Evidence {
        var deficit = 0.0
        var variance = 0.0
        var expected = 0.0
        var observed = 0.0
    }

    /// Probes a second of a stretch that came through, by how its answers were spread in time; nil where they are too few. The queue that they
    /// come from runs empty when less is sent (Cardwell et al., "BBR: Congestion-Based Congestion Control", 2016).
    private func delivered(_ stretch: Stretch) -> Double? {
        guard stretch.roundTrips.count >= 20, let arrivals = stretch.arrivals, arrivals.upperBound > arrivals.lowerBound else { return nil }
        return Double(stretch.first.sent + stretch.canaries.sent) * 1e6 / Double(arrivals.upperBound - arrivals.lowerBound)
    }

    /// What is gathered against the reference, nil where there is no reference for any of it.
    private func compare() -> Evidence? {
        var evidence: Evidence?
        for (now, before) in [(gathered.first, reference.first), (gathered.canaries, reference.canaries)] {
            guard now.sent > 0, before.sent > 0 else { continue }
            let (n, base) = (Double(now.sent), Double(before.sent))
            let share = Double(before.answered) / base
            let pooled = Double(now.answered + before.answered) / (n + base)
            var sum = evidence ?? Evidence()
            sum.deficit += n * share - Double(now.answered)
            sum.variance += n * n * max(pooled * (1 - pooled), 1e-9) * (1 / n + 1 / base)
            sum.expected += n * share
            sum.observed += Double(now.answered)
            evidence = sum
        }
        return evidence
    }

    private mutating func addToReference() {
        reference.first += gathered.first
        reference.canaries += gathered.canaries
    }

    /// Makes the first stretches with enough answers the reference.
    private mutating func takeReference(_ most: Double, _ now: Int64) {
        guard [gathered.first, gathered.canaries].contains(where: { Double($0.answered) >= Self.enough / 4 }) else { return }
        addToReference()
        gathered = (ProbeCount(), ProbeCount())
        isVerified = true
        if isSlowStart { speedUp(most, now) }
    }

    private mutating func slowDown(to rate: Double, _ now: Int64) {
        isSlowStart = false
        self.rate = max(Self.slowest, rate)
        lastChange = now
        gathered = (ProbeCount(), ProbeCount())
    }

    private mutating func speedUp(_ most: Double, _ now: Int64) {
        if isSlowStart {
            rate = min(most, rate * 2)
        } else if now - lastChange >= Self.holdTime {
            rate = min(most, rate * 1.05)
            lastChange = now
        }
    }
}
