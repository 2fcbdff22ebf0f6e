import Glibc
import ScanCore
import TestSupport
import Testing

@Suite("How complete a scan is")
struct RecallEstimateTests {
    /// Groups of open targets, each with the chance that a probe to one of them is answered.
    private struct World {
        var sizes: [Int]
        var chances: [Double]
        /// In each sweep the chances are multiplied with the next of these, again and again.
        var weather: [Double] = [1]

        var total: Int { sizes.reduce(0, +) }
    }

    private struct Outcome {
        var recall: Double
        var isInside: Bool
        var sweeps: Int
        var saysReached: Bool
    }

    /// Sweeps until the estimate says that the goal is reached, or nine times.
    private static func scan(_ world: World, goal: Double = 0.999, seed: UInt64) -> Outcome {
        var generator = SeededGenerator(seed: seed)
        var (silent, found) = (world.sizes, world.sizes.map { _ in 0 })
        var evidence = RecallEvidence()
        var firsts: [[Int]] = []
        while true {
            let weather = world.weather[firsts.count % world.weather.count]
            let chances = world.chances.map { $0 * weather }
            let first = zip(silent, chances).map { generator.successes(of: $0, $1) }
            for group in first.indices {
                silent[group] -= first[group]
                found[group] += first[group]
            }
            firsts.append(first)
            let sum = found.reduce(0, +)
            // As where silent targets are on all hosts, so that canaries say no more of those that lose much than of others: the harder case.
            let canaries = canaries(min(firsts.count == 1 ? 800 : 160, 10 * sum), among: found, chances, &generator)
            evidence.sweeps.append(
                .init(canaries: canaries, isWide: true, open: first.reduce(0, +), answers: first.reduce(0, +)))
            evidence.silent = 1 << 40
            let last = firsts.suffix(evidence.lastSweeps).reduce(into: found.map { _ in 0 }) { sum, next in
                for group in next.indices { sum[group] += next[group] }
            }
            evidence.recent = Self.canaries(min(200, 8 * last.reduce(0, +)), among: last, chances, &generator)
            let estimate = RecallEstimate(evidence, seed: seed)
            let isReached = firsts.count > 1 && estimate.reaches(goal)
            guard isReached || firsts.count == 9 else { continue }
            let missing = estimate.missingOpen
            let truth = Double(silent.reduce(0, +))
            return Outcome(
                recall: Double(sum) / Double(world.total), isInside: missing.low <= truth && truth <= missing.high, sweeps: firsts.count,
                saysReached: isReached)
        }
    }

    private static func canaries(
        _ count: Int, among groups: [Int], _ chances: [Double], _ generator: inout SeededGenerator
    ) -> ProbeCount {
        var canaries = ProbeCount()
        let sum = groups.reduce(0, +)
        guard sum > 0 else { return canaries }
        for _ in 0..<count {
            var rest = generator.below(sum)
            let group = groups.firstIndex { size in
                rest -= size
                return rest < 0
            }
            canaries.sent += 1
            if let group { canaries.answered += generator.successes(of: 1, chances[group]) }
        }
        return canaries
    }

    @Test(
        "the truth lies inside the interval, and the goal is met where it can be",
        arguments: [
            ("no loss", World(sizes: [2000], chances: [1]), true), ("1 % each way", World(sizes: [2000], chances: [0.9801]), true),
            ("5 % each way", World(sizes: [2000], chances: [0.9025]), true), ("10 % each way", World(sizes: [2000], chances: [0.81]), true),
            ("20 % each way", World(sizes: [2000], chances: [0.64]), true), ("few", World(sizes: [20], chances: [0.9]), true),
            ("bursts", World(sizes: [2000], chances: [0.98], weather: [0.8, 1, 0.9]), true),
            ("half of the hosts at 30 %", World(sizes: [1000, 1000], chances: [0.49, 1]), false),
            ("2 % of the hosts much worse", World(sizes: [9800, 200], chances: [0.9999, 0.6]), true),
            ("a tenth at 60 %", World(sizes: [1800, 200], chances: [0.98, 0.4]), false),
        ] as [(String, World, Bool)])
    private func coverage(name: String, world: World, isReachable: Bool) {
        let runs = Self.runs
        let outcomes = (1...UInt64(runs)).map { Self.scan(world, seed: $0) }
        let inside = outcomes.count { $0.isInside }
        let met = outcomes.count { $0.recall >= 0.999 }
        let wronglyTold = outcomes.count { $0.saysReached && $0.recall < 0.999 }
        if Self.isSeries {
            let reach = isReachable ? "" : ", out of reach"
            print("| \(name) | \(inside) of \(runs) | \(met) of \(runs)\(reach) | \(wronglyTold) |")
        }
        // Twenty-five runs scatter more than a hundred.
        let insideShare = !Self.isSeries ? 0.84 : name.contains("much worse") ? 0.75 : 0.9
        #expect(Double(inside) >= insideShare * Double(runs))
        if isReachable { #expect(Double(met) >= (Self.isSeries ? 0.95 : 0.92) * Double(runs)) }
        // Who is told that the goal is reached has reached it.
        #expect(Double(wronglyTold) <= 0.08 * Double(runs))
    }

    /// Runs for each world, by their seeds; `Tests/run benchmarks` asks for a hundred and has them printed.
    private static let isSeries = getenv("COVERAGE_RUNS") != nil
    private static let runs = getenv("COVERAGE_RUNS").flatMap { Int(String(cString: $0)) } ?? 25

    @Test("without loss two sweeps are enough, with 5 % each way four or five are")
    func sweeps() {
        for seed in 1...10 as ClosedRange<UInt64> {
            #expect(Self.scan(World(sizes: [20_000], chances: [1]), seed: seed).sweeps == 2)
            #expect(4...5 ~= Self.scan(World(sizes: [20_000], chances: [0.9025]), seed: seed).sweeps)
        }
    }

    private static func evidence(_ change: (inout RecallEvidence) -> Void) -> RecallEvidence {
        var evidence = RecallEvidence()
        let canaries = ProbeCount(sent: 1600, answered: 1550)
        evidence.sweeps = [
            .init(canaries: canaries, isWide: true, open: 2000, answers: 2000),
            .init(canaries: canaries, isWide: false, open: 60, answers: 60),
            .init(canaries: canaries, isWide: false, open: 2, answers: 2),
        ]
        evidence.silent = 100_000
        evidence.recent = .init(sent: 200, answered: 194)
        change(&evidence)
        return evidence
    }

    @Test("ports on which one target alone is open tell of others that were missed: then the unlikely targets are asked again")
    func wide() {
        let dense = Self.evidence { $0.unlikely = 90_000 }
        #expect(RecallEstimate(dense, seed: 1).reaches(0.999) && !RecallEstimate(dense, seed: 1).needsWideSweep(0.999))
        let scattered = Self.evidence { ($0.unlikely, $0.singlePorts) = (90_000, 100) }
        #expect(!RecallEstimate(scattered, seed: 1).reaches(0.999) && RecallEstimate(scattered, seed: 1).needsWideSweep(0.999))
        let askedTwice = Self.evidence {
            ($0.unlikely, $0.singlePorts) = (90_000, 100)
            $0.sweeps[2].isWide = true
        }
        #expect(RecallEstimate(askedTwice, seed: 1).reaches(0.999))
    }

    @Test("no more can be missing than is silent")
    func bounded() {
        let nearlyAll = Self.evidence {
            $0.sweeps.removeLast(2)
            $0.silent = 3
        }
        let missing = RecallEstimate(nearlyAll, seed: 1).missingOpen
        #expect(missing.high == 3 && missing.low <= 3)
    }
}

extension SeededGenerator {
    /// How many of `count` trials succeed.
    fileprivate mutating func successes(of count: Int, _ chance: Double) -> Int {
        (0..<count).count { _ in Double(next() >> 11) * 0x1p-53 < chance }
    }
}
