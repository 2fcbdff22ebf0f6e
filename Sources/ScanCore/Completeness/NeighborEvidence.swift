/// How sure it is that everybody on a link has been found: questions for hardware addresses get lost like probes, and are judged like them.
///
/// A turn asks every address that has not answered. Canaries are questions to some that have, at the same time and under the same load: what they
/// lose, the others lose. `RecallEstimate` says from that how many are still to be found.
package struct NeighborEvidence: Sendable {
    /// One time that all who had not answered were asked.
    package struct Turn: Sendable {
        /// Who answered for the first time.
        package var found: Int
        package var canaries: ProbeCount

        package init(found: Int, canaries: ProbeCount) {
            (self.found, self.canaries) = (found, canaries)
        }
    }

    package private(set) var turns: [Turn] = []
    /// Addresses that have not answered.
    package private(set) var silent = 0
    /// Canaries among those that were found by each turn.
    private var canariesByTurn: [Int: ProbeCount] = [:]

    /// So often everybody is asked at least, and at most.
    package static let fewestTurns = 3
    package static let mostTurns = 40
    /// Of what the goal lets be missing, so much may be missing here: probes lose some, too.
    private static let share = 0.25

    package init() {}

    package var found: Int { turns.reduce(0) { $0 + $1.found } }

    /// Takes a turn that is over. `canaries`: those to each whom a turn had found, by that turn's number.
    package mutating func note(found: Int, silent: Int, canaries: [Int: ProbeCount]) {
        turns.append(Turn(found: found, canaries: canaries.values.reduce(into: ProbeCount()) { $0 += $1 }))
        self.silent = silent
        for (turn, count) in canaries { canariesByTurn[turn, default: ProbeCount()] += count }
    }

    /// Whether nobody needs to be asked again, to leave as little as the goal wants; without a goal the fewest turns must do.
    package func isEnough(for goal: Double?, seed: UInt64) -> Bool {
        guard !turns.isEmpty else { return false }
        guard silent > 0, turns.count < Self.mostTurns else { return true }
        guard turns.count >= Self.fewestTurns else { return false }
        guard let goal, found > 0 else { return true }
        return reaches(1 - (1 - goal) * Self.share, seed: seed)
    }

    /// Whether at least the share `goal` has been found, with a probability of 0.99.
    package func reaches(_ goal: Double, seed: UInt64) -> Bool {
        silent == 0 || found == 0 || RecallEstimate(evidence, seed: seed).reaches(goal)
    }

    /// How many are to be found still: the middle, and the ends of the interval that holds the truth in 95 of 100 cases.
    package func missing(seed: UInt64) -> (low: Double, middle: Double, high: Double) {
        silent == 0 || found == 0 ? (0, 0, 0) : RecallEstimate(evidence, seed: seed).missingOpen
    }

    /// The turns as sweeps.
    private var evidence: RecallEvidence {
        let all = turns.reduce(into: ProbeCount()) { $0 += $1.canaries }
        var evidence = RecallEvidence()
        evidence.silent = silent
        evidence.sweeps = turns.enumerated().map { number, turn in
            // Nobody was known when the first one began: the others' canaries tell of it, too.
            RecallEvidence.Sweep(canaries: number == 0 ? all : turn.canaries, isWide: true, open: turn.found, answers: turn.found)
        }
        let last = turns.count - evidence.lastSweeps
        for (turn, count) in canariesByTurn where turn >= last { evidence.recent += count }
        return evidence
    }
}
