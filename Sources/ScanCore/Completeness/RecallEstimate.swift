import CMath

/// What is known about how complete a chunk's scan is: the sweeps so far, and how often known answers came again.
package struct RecallEvidence: Sendable, Equatable {
    /// One sweep over silent targets.
    package struct Sweep: Sendable, Equatable {
        /// Probes that were sent to targets known to answer.
        package var canaries: ProbeCount
        /// Whether it went to the unlikely targets too.
        package var isWide: Bool
        /// Open targets that it found, and all that answered it.
        package var open: Int
        package var answers: Int

        package init(canaries: ProbeCount, isWide: Bool, open: Int, answers: Int) {
            self.canaries = canaries
            self.isWide = isWide
            self.open = open
            self.answers = answers
        }
    }

    package var sweeps: [Sweep] = []
    package var silent = 0
    /// Silent targets that only wide sweeps reach, and ports on which exactly one target is open: had it been lost, its port would be among
    /// the unlikely ones.
    package var unlikely = 0
    package var singlePorts = 0
    /// Canaries among those that answered `lastSweeps` first: hosts that lose more than others are found later.
    package var recent = ProbeCount()

    package init() {}

    /// Open targets found so far.
    package var open: Int { sweeps.reduce(0) { $0 + $1.open } }

    /// Targets that have answered so far.
    package var answers: Int { sweeps.reduce(0) { $0 + $1.answers } }

    /// How many of the last sweeps it takes to have some answers; never the first sweep.
    package var lastSweeps: Int {
        var (count, answers) = (0, 0)
        for sweep in sweeps.dropFirst().reversed() where answers < 10 {
            count += 1
            answers += sweep.answers
        }
        return count
    }
}

extension RecallEvidence {
    /// Sweeps as words, for a checkpoint: their number, then five words for each.
    package static func words(of sweeps: [Sweep]) -> [UInt64] {
        sweeps.reduce(into: [UInt64(sweeps.count)]) { words, sweep in
            let counts = [sweep.canaries.sent, sweep.canaries.answered, sweep.open, sweep.answers, sweep.isWide ? 1 : 0]
            words += counts.map { UInt64($0) }
        }
    }

    /// Nil for words that `words` did not make.
    package static func sweeps(reading words: inout ArraySlice<UInt64>) -> [Sweep]? {
        guard let count = words.popFirst(), count <= 64, words.count >= count * 5 else { return nil }
        var sweeps: [Sweep] = []
        for _ in 0..<count {
            let numbers = words.prefix(5).compactMap { $0 < 1 << 40 ? Int($0) : nil }
            words = words.dropFirst(5)
            guard numbers.count == 5, numbers[1] <= numbers[0], numbers[2] <= numbers[3], numbers[4] <= 1 else { return nil }
            sweeps.append(
                Sweep(
                    canaries: ProbeCount(sent: numbers[0], answered: numbers[1]), isWide: numbers[4] == 1, open: numbers[2],
                    answers: numbers[3]))
        }
        return sweeps
    }
}

/// How many open targets are still missing, as a sample of the posterior distribution.
///
/// A sweep reaches a target that answers with the chance p_j ~ Beta(s + ½, f + ½), known from its canaries; what k sweeps have missed of M
/// such targets, F of which are found, is NegBin(F + ½, 1 − Π(1 − p_j)). Where hosts differ, that is too small; the targets that answered
/// last tell what those still silent are like, so a second count takes only the last sweeps and the chance p* of what answered last:
/// NegBin(F_last + ½, 1 − (1 − p*)^k). The greater of the two holds, quantile by quantile. Targets on ports where nothing is open are swept less often; how many open ones they hide is estimated from the ports
/// that have exactly one (Good, "The Population Frequencies of Species", 1953).
package struct RecallEstimate: Sendable {
    private static let size = 4000

    private let evidence: RecallEvidence
    /// Missing open targets, and all missing targets that would answer; ascending.
    private let missing: [Double]
    private let missingAnswers: [Double]
    /// By the canaries of all sweeps alone: the least that is missing.
    private let least: [Double]

    package init(_ evidence: RecallEvidence, seed: UInt64) {
        self.evidence = evidence
        var draws = RandomDraws(seed: seed)
        let most = Double(evidence.silent)
        let sweeps = evidence.sweeps.map { (chance: Self.posterior($0.canaries), isWide: $0.isWide) }
        let last = evidence.lastSweeps
        let (lastOpen, lastAnswers) = evidence.sweeps.suffix(last).reduce((0.5, 0.5)) {
            ($0.0 + Double($1.open), $0.1 + Double($1.answers))
        }
        let hasRecent = last > 0 && evidence.recent.sent > 0
        let (open, answers) = (Double(evidence.open) + 0.5, Double(evidence.answers) + 0.5)
        var (byAll, byAllAnswers, byLast, byLastAnswers) = ([Double](), [Double](), [Double](), [Double]())
        for _ in 0..<Self.size {
            var (missedByAll, missedByWide) = (1.0, 1.0)
            for sweep in sweeps {
                let missed = 1 - draws.beta(sweep.chance.0, sweep.chance.1)
                missedByAll *= missed
                if sweep.isWide { missedByWide *= missed }
            }
            var count = draws.negativeBinomial(open, 1 - missedByAll)
            if evidence.unlikely > 0 {
                count += min(draws.negativeBinomial(Double(evidence.singlePorts) + 0.5, 1 - missedByWide), Double(evidence.unlikely))
            }
            byAll.append(min(count, most))
            byAllAnswers.append(min(draws.negativeBinomial(answers, 1 - missedByAll), most))
            guard hasRecent else { continue }
            let chance = Self.posterior(evidence.recent)
            let missed = cmath_pow(1 - draws.beta(chance.0, chance.1), Double(last))
            byLast.append(min(draws.negativeBinomial(lastOpen, 1 - missed), most))
            byLastAnswers.append(min(draws.negativeBinomial(lastAnswers, 1 - missed), most))
        }
        least = byAll.sorted()
        missing = Self.greater(least, byLast)
        missingAnswers = Self.greater(byAllAnswers.sorted(), byLastAnswers)
    }

    /// The greater of two samples, quantile by quantile.
    private static func greater(_ sorted: [Double], _ other: [Double]) -> [Double] {
        other.isEmpty ? sorted : zip(sorted, other.sorted()).map { max($0, $1) }
    }

    private static func posterior(_ canaries: ProbeCount) -> (Double, Double) {
        (Double(canaries.answered) + 0.5, Double(max(0, canaries.sent - canaries.answered)) + 0.5)
    }

    /// Open targets that are missing: the middle, and the ends of the interval that holds the truth in 95 of 100 cases.
    package var missingOpen: (low: Double, middle: Double, high: Double) {
        (Self.quantile(least, 0.025), Self.quantile(missing, 0.5), Self.quantile(missing, 0.975))
    }

    /// Whether at least the share `goal` of the open targets has been found, and of those that answer at all, with a probability of 0.99.
    package func reaches(_ goal: Double) -> Bool {
        let allowed = 1 / goal - 1
        return Self.quantile(missing, 0.99) <= Double(evidence.open) * allowed
            && Self.quantile(missingAnswers, 0.99) <= Double(evidence.answers) * allowed
    }

    /// Whether the next sweep must go to the unlikely targets too, because what they may hide alone exceeds the goal.
    package func needsWideSweep(_ goal: Double) -> Bool {
        guard evidence.unlikely > 0, !reaches(goal) else { return false }
        var rest = evidence
        rest.unlikely = 0
        return RecallEstimate(rest, seed: 1).reaches(goal)
    }

    private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
    }
}
