import ScanCore
import TestSupport
import Testing

/// Links that lose a share of all ARP or neighbour discovery each way, simulated turn by turn as `NeighborSweep` asks.
@Suite("How sure it is that everybody on a link has been found")
struct NeighborEvidenceTests {
    private struct Outcome {
        var hosts = 0
        var found = 0
        var missing = (low: 0.0, middle: 0.0, high: 0.0)
        var turns = 0
        var reached = false
    }

    private static let goal = 0.999

    /// Asks until it is enough. Each question and each answer gets lost with the chance `loss`; one of ten hosts loses `worse` times that.
    private static func ask(hosts: Int, of addresses: Int, loss: Double, worse: Double = 1, seed: UInt64) -> Outcome {
        var random = SeededGenerator(seed: seed)
        func answers(_ host: Int) -> Bool {
            let chance = min(0.9, host % 10 == 0 ? loss * worse : loss)
            return Double.random(in: 0..<1, using: &random) >= chance && Double.random(in: 0..<1, using: &random) >= chance
        }
        var evidence = NeighborEvidence()
        var known: [(host: Int, turn: Int)] = []
        var unknown = Array(0..<hosts)
        while !evidence.isEnough(for: goal, seed: seed) {
            let turn = evidence.turns.count
            var canaries: [Int: ProbeCount] = [:]
            for number in 0..<(known.isEmpty ? 0 : 64) {
                let recent = known.suffix(20)
                let picked =
                    number % 2 == 1 && (known.last?.turn ?? 0) > 0
                    ? recent.randomElement(using: &random) : known.randomElement(using: &random)
                guard let (host, foundBy) = picked else { continue }
                canaries[foundBy, default: ProbeCount()].sent += 1
                if answers(host) { canaries[foundBy, default: ProbeCount()].answered += 1 }
            }
            let found = unknown.filter { answers($0) }
            unknown.removeAll { found.contains($0) }
            known += found.map { ($0, turn) }
            evidence.note(found: found.count, silent: addresses - known.count, canaries: canaries)
        }
        return Outcome(
            hosts: hosts, found: known.count, missing: evidence.missing(seed: seed), turns: evidence.turns.count,
            reached: evidence.reaches(goal, seed: seed))
    }

    @Test("with 5 to 20 % lost each way the goal is reached, and what is missing lies in the interval", arguments: [0.05, 0.1, 0.15, 0.2])
    func loss(share: Double) {
        let outcomes = (0..<12).map { Self.ask(hosts: 400, of: 1000, loss: share, seed: $0) }
        #expect(outcomes.allSatisfy { $0.reached })
        let held = outcomes.count { Double($0.hosts - $0.found) >= $0.missing.low && Double($0.hosts - $0.found) <= $0.missing.high }
        #expect(held >= 11, "\(held) of 12")
        let below = outcomes.count { Double($0.found) < Self.goal * Double($0.hosts) }
        #expect(below <= 1, "\(below) of 12 miss the goal that they say they reach")
    }

    @Test("where a tenth of the hosts loses twice as much, that is seen")
    func uneven() {
        let outcomes = (0..<12).map { Self.ask(hosts: 400, of: 1000, loss: 0.15, worse: 2, seed: 100 + $0) }
        let held = outcomes.count { Double($0.hosts - $0.found) <= $0.missing.high }
        #expect(held >= 11, "\(held) of 12")
        #expect(outcomes.count { Double($0.found) < Self.goal * Double($0.hosts) && $0.reached } <= 1)
    }

    @Test("without loss nobody is asked more often than before, and nothing is missing", arguments: [1, 2, 40, 300, 5000])
    func whole(hosts: Int) {
        for seed in UInt64(0)..<5 {
            let outcome = Self.ask(hosts: hosts, of: 65_536, loss: 0, seed: seed)
            #expect(outcome.turns == NeighborEvidence.fewestTurns && outcome.missing.high == 0 && outcome.reached)
        }
    }

    @Test("a link on which nobody answers is asked no longer than before, and one that loses nearly all is given up")
    func extremes() {
        #expect(Self.ask(hosts: 0, of: 256, loss: 0, seed: 1).turns == NeighborEvidence.fewestTurns)
        let hopeless = Self.ask(hosts: 200, of: 1000, loss: 0.7, seed: 1)
        #expect(hopeless.turns == NeighborEvidence.mostTurns && !hopeless.reached)
    }
}
