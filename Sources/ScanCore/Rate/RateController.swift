/// Finds the rate that the path carries.
///
/// It starts low, doubles while the share that answers stays what it is, and takes that share as its reference. When what was sent at one rate is
/// answered significantly less, packets were lost on the way: the new rate is what was delivered, a little less. From there it goes up slowly, and
/// faster the longer nothing is lost: no chance, and no moment in which this machine was busy, holds up a scan for long.
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
    /// By what share it goes up next.
    private var growth = RateController.firstGrowth
    /// How often in a row too little was answered.
    private var deficits = 0
    private var leastRoundTrip = Double.infinity
    /// Stretches in a row whose answers all came late.
    private var queueing = 0

    package static let slowest = 100.0
    private static let firstRate = 10_000.0
    private static let firstRatePerHost = 1000.0
    /// Answers to expect before a verdict.
    private static let enough = 100.0
    /// So many deviations from what is expected are no chance. Evidence is looked at again and again, so there are many occasions for one; and in
    /// the slow start, where loss is great or none, one that was taken for loss would cost the most.
    private static let certain = (inSlowStart: 4.5, later: 3.1)
    /// With fewer the rate may go up, unless so much more was sent than what it is compared with that the difference will never be certain.
    private static let inconspicuous = (deviations: 1.0, ratio: 4)
    /// Where a smaller share of what was expected has come, it is sent again; what else is missing the next round finds.
    private static let tolerable = 0.75
    /// At least so long at one rate, ns.
    private static let holdTime: Int64 = 400_000_000
    private static let firstGrowth = 0.03
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
        deficits = 0
        reference.first = ProbeCount()
        gathered.first = ProbeCount()
        guard trial == nil else { return }
        reference.canaries = ProbeCount()
        gathered.canaries = ProbeCount()
    }

    /// Those that answered have gone for good: the rate is judged by others, and starts lower.
    package mutating func beginAnew() {
        (reference, gathered) = ((ProbeCount(), ProbeCount()), (ProbeCount(), ProbeCount()))
        (trial, deficits, queueing, leastRoundTrip, isVerified) = (nil, 0, 0, .infinity, false)
        rate = max(Self.slowest, min(rate, Self.firstRate) / 2)
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
        let evidence = compare()
        if let evidence, let verdict = judgeDeficit(evidence, now) { return verdict }
        if startTrial(now) { return .open }
        guard let evidence else {
            takeReference(most)
            return .open
        }
        return judgeSurplus(evidence, excess, most, now)
    }

    /// Slows down when clearly too little of what was sent at this rate has been answered; nil when that is not so.
    private mutating func judgeDeficit(_ evidence: Evidence, _ now: Int64) -> Verdict? {
        let certain = isSlowStart ? Self.certain.inSlowStart : Self.certain.later
        guard evidence.expected >= Self.enough || evidence.deficit >= (certain + 0.5) * max(evidence.expected, 1).squareRoot(),
            evidence.deviations > certain, evidence.deficit > 0.01 * evidence.expected
        else { return nil }
        // A lower rate that has not helped casts doubt on the reference, which may have been high by chance: it counts for less.
        if deficits > 0 { (reference.first, reference.canaries) = (reference.first.halved, reference.canaries.halved) }
        deficits += 1
        slowDown(to: rate * max(0.3, evidence.share) * 0.97, now)
        return evidence.share < Self.tolerable ? .lossy : .good
    }

    /// Speeds up when about as much as was expected has been answered for long enough. What is neither that nor clearly less waits for more.
    private mutating func judgeSurplus(_ evidence: Evidence, _ excess: Double, _ most: Double, _ now: Int64) -> Verdict {
        guard evidence.expected >= Self.enough else { return .open }
        if evidence.deviations >= Self.inconspicuous.deviations, sent(gathered) < Self.inconspicuous.ratio * sent(reference) {
            return evidence.share < Self.tolerable ? .open : .good
        }
        guard isSlowStart || now - lastChange >= Self.holdTime else { return .good }
        addToReference()
        (gathered, deficits, lastChange) = ((ProbeCount(), ProbeCount()), 0, now)
        // Where answers begin to wait there is nothing to gain by more.
        if excess < max(5000, leastRoundTrip / 2) { speedUp(most) }
        return .good
    }

    private func sent(_ counts: (first: ProbeCount, canaries: ProbeCount)) -> Int { counts.first.sent + counts.canaries.sent }

    /// Lowers the rate to less than what gets through, so that what comes back then is a reference, if most of what is known to answer does not.
    private mutating func startTrial(_ now: Int64) -> Bool {
        var canaries = reference.canaries
        canaries += gathered.canaries
        guard canaries.sent >= Self.enoughCanaries, case let share = Double(canaries.answered) / Double(canaries.sent),
            share < Self.suspicious * innate, rate > Self.slowest
        else { return false }
        trial = Trial(rate: rate, isSlowStart: isSlowStart)
        addToReference()
        slowDown(to: rate * max(0.1, share) * 0.8, now)
        return true
    }

    /// Whether more comes back at the lower rate: then it was the rate. Otherwise it is the path, and the rate is as before.
    private mutating func judge(_ trial: Trial, _ most: Double, _ now: Int64) -> Verdict {
        guard let evidence = compare() else { return .open }
        let surplus = -evidence.deficit
        let isMore = -evidence.deviations > 3.1 && surplus > 0.1 * evidence.expected
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

        /// How many standard deviations are missing.
        var deviations: Double { deficit / (variance + 1).squareRoot() }
        /// Of what is expected.
        var share: Double { observed / max(expected, 1) }
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
    private mutating func takeReference(_ most: Double) {
        guard [gathered.first, gathered.canaries].contains(where: { Double($0.answered) >= Self.enough / 2 }) else { return }
        addToReference()
        gathered = (ProbeCount(), ProbeCount())
        isVerified = true
        if isSlowStart { speedUp(most) }
    }

    private mutating func slowDown(to rate: Double, _ now: Int64) {
        isSlowStart = false
        self.rate = max(Self.slowest, rate)
        (lastChange, growth) = (now, Self.firstGrowth)
        gathered = (ProbeCount(), ProbeCount())
    }

    private mutating func speedUp(_ most: Double) {
        rate = min(most, rate * (isSlowStart ? 2 : 1 + growth))
        growth = min(growth * 1.6, 1)
    }
}
