import ScanCore
import TestSupport
import Testing

@Suite("The shuffled order")
struct PermutationTests {
    /// Counts where a cipher's domain begins, ends or has one place too many.
    private static let edges: [UInt64] =
        [1, 2, 3, 5, 7, 11, 13, 97, 251, 257, 4093, 8191, 65_521, 65_537]
        + (1...17).flatMap { exponent in [(1 << exponent) - 1, 1 << exponent, (1 << exponent) + 1] as [UInt64] }

    private static let large: [UInt64] = [
        (1 << 32) * 65_535,  // all of IPv4 at every port
        (1 << 32) - 1, 1 << 32, (1 << 32) + 1,
        (1 << 62) + 1,  // nearly half of the network's domain lies outside
        (1 << 63) - 1, 1 << 63,
        9_223_372_036_854_775_783,  // the largest prime below 2^63
    ]

    private static func visitsEachOnce(_ count: UInt64, _ key: ScanKey) -> Bool {
        let permutation = Permutation(count: count, key: key)
        var seen = [Bool](repeating: false, count: Int(count))
        for position in 0..<count {
            let index = permutation.index(at: position)
            guard index < count, !seen[Int(index)], permutation.position(of: index) == position else { return false }
            seen[Int(index)] = true
        }
        return true
    }

    @Test("every target comes up once, at each count where a domain begins or ends", arguments: edges)
    func edge(count: UInt64) {
        var generator = SeededGenerator(seed: count)
        for _ in 0..<3 { #expect(Self.visitsEachOnce(count, generator.key())) }
    }

    @Test("every target comes up once, at each of 3000 random counts up to 10,000")
    func randomCounts() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<3000 {
            let count = UInt64.random(in: 1...10_000, using: &generator)
            #expect(Self.visitsEachOnce(count, generator.key()), "count \(count)")
        }
    }

    @Test("any position of a scan too large to enumerate is found again from its target", arguments: large)
    func largeCount(count: UInt64) {
        var generator = SeededGenerator(seed: count)
        let permutation = Permutation(count: count, key: generator.key())
        #expect(permutation.count == count)
        let corners = [0, 1, count / 2, count - 2, count - 1]
        for position in corners + (0..<20_000).map({ _ in UInt64.random(in: 0..<count, using: &generator) }) {
            let index = permutation.index(at: position)
            #expect(index < count)
            #expect(permutation.position(of: index) == position)
            #expect(permutation.index(at: permutation.position(of: position)) == position)
        }
    }

    @Test("any count up to 2^63 works, 3000 random ones of every size")
    func everySize() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<3000 {
            let count = max(1, generator.next() >> UInt64.random(in: 1...63, using: &generator))
            let permutation = Permutation(count: count, key: generator.key())
            for _ in 0..<20 {
                let position = UInt64.random(in: 0..<count, using: &generator)
                let index = permutation.index(at: position)
                #expect(index < count && permutation.position(of: index) == position, "count \(count), position \(position)")
            }
        }
    }

    @Test(
        "a count that no job can have is brought into range instead of trapping",
        arguments: [(0, 1), (UInt64.max, 1 << 63)] as [(UInt64, UInt64)])
    func outOfRange(asked: UInt64, taken: UInt64) {
        var generator = SeededGenerator(seed: 3)
        let permutation = Permutation(count: asked, key: generator.key())
        #expect(permutation.count == taken)
        #expect(permutation.position(of: permutation.index(at: taken - 1)) == taken - 1)
    }

    @Test("two jobs go through the same targets in different orders")
    func keys() {
        var generator = SeededGenerator(seed: 4)
        let orders = (0..<50).map { _ in
            let permutation = Permutation(count: 1000, key: generator.key())
            return (0..<1000).map { permutation.index(at: $0) }
        }
        #expect(Set(orders).count == 50)
        // Two random orders of 1000 agree in one place on average.
        let agreements = zip(orders[0], orders[1]).count { $0 == $1 }
        #expect(agreements < 10)
    }

    @Test("any first part of the order is a fair sample of the targets", arguments: [65_536, 81_920, 1_000_003] as [UInt64])
    func fairness(count: UInt64) {
        let parts: UInt64 = 64
        let sample: UInt64 = 8192
        for seed in 0..<20 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let permutation = Permutation(count: count, key: generator.key())
            var hits = [Double](repeating: 0, count: Int(parts))
            for position in 0..<sample { hits[Int(permutation.index(at: position) * parts / count)] += 1 }
            let expected = Double(sample / parts)
            let chiSquared = hits.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
            // 63 degrees of freedom: 117 is passed once in 10^5 samples.
            #expect(chiSquared < 117, "seed \(seed)")
        }
    }

    @Test("neighbouring addresses are not probed in a row")
    func neighbours() {
        var generator = SeededGenerator(seed: 5)
        let permutation = Permutation(count: 256 * 1000, key: generator.key())
        let hosts = (0..<100_000 as Range<UInt64>).map { permutation.index(at: $0) / 1000 }
        let repeats = zip(hosts, hosts.dropFirst()).count { $0 == $1 }
        // One in 256 by chance: 391, standard deviation 20.
        #expect((290...490).contains(repeats))
    }

    @Test(
        "a target costs hardly more than one pass through the network, also just above a power of two",
        arguments: [1, 17, 1025, 5120, 65_537, (1 << 20) + 1, (1 << 32) * 65_535, (1 << 62) + 1] as [UInt64])
    func walks(count: UInt64) {
        var generator = SeededGenerator(seed: count)
        let slow = SlowPermutation(count: count, key: generator.key())
        let sample = 20_000
        let passes = (0..<sample).reduce(0) { sum, _ in sum + slow.walk(from: UInt64.random(in: 0..<count, using: &generator)).passes }
        // The network's domain exceeds the count by less than the low half has values, at most twice the count's root.
        let excess = 2 / Double(count).squareRoot()
        #expect(Double(passes) / Double(sample) < 1.05 + (count > 1 ? excess : 0))
    }

    @Test("an interrupted job meets the same order again after an update of the program")
    func frozen() {
        var generator = SeededGenerator(seed: 6)
        for count in Self.edges + Self.large {
            let key = generator.key()
            let permutation = Permutation(count: count, key: key)
            let slow = SlowPermutation(count: count, key: key)
            for _ in 0..<50 {
                let position = UInt64.random(in: 0..<count, using: &generator)
                #expect(permutation.index(at: position) == slow.walk(from: position).index, "count \(count), position \(position)")
            }
        }
    }
}
