import ScanAPI
import ScanService
import TestSupport
import Testing

@Suite("How jobs share the daemon's rate")
struct RateSharesTests {
    private static func divide(_ total: Double, _ claims: [(JobPriority, Double)]) -> [Double] {
        RateShares.divide(total, among: claims.map { .init(weight: $0.0.weight, most: $0.1) })
    }

    @Test(
        "Shares",
        arguments: [
            // Nobody, and one alone.
            (1000, [], []), (1000, [(.low, 5000)], [1000]), (1000, [(.low, 300)], [300]),
            // Equals.
            (1000, [(.normal, 1000), (.normal, 1000)], [500, 500]),
            // By weight: 16 to 4, 4 to 1.
            (1000, [(.normal, 1000), (.high, 1000)], [200, 800]), (1000, [(.low, 1000), (.normal, 1000)], [200, 800]),
            // What one does not want goes to the others.
            (1000, [(.high, 100), (.normal, 1000)], [100, 900]),
            (1000, [(.normal, 100), (.normal, 200), (.normal, 9000)], [100, 200, 700]),
            // Less than one a second for some.
            (1, [(.low, 1), (.low, 1), (.low, 1), (.low, 1)], [0.25, 0.25, 0.25, 0.25]),
        ] as [(Double, [(JobPriority, Double)], [Double])])
    func shares(total: Double, claims: [(JobPriority, Double)], expected: [Double]) {
        let shares = Self.divide(total, claims)
        #expect(shares.count == expected.count && zip(shares, expected).allSatisfy { abs($0 - $1) < 1e-9 }, "\(shares)")
    }

    @Test("Nobody gets more than was claimed, all together never more than there is, and nothing is left that somebody could use")
    func properties() {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<10_000 {
            let total = Double(Int.random(in: 1...100_000, using: &generator))
            let claims = (0..<Int.random(in: 1...10, using: &generator)).map { _ in
                (JobPriority.allCases.randomElement(using: &generator) ?? .low, Double(Int.random(in: 1...100_000, using: &generator)))
            }
            let shares = Self.divide(total, claims)
            let sum = shares.reduce(0, +)
            #expect(zip(shares, claims).allSatisfy { $0 > 0 && $0 <= $1.1 })
            #expect(sum <= total * 1.000_000_1)
            #expect(abs(sum - min(total, claims.reduce(0) { $0 + $1.1 })) < 1e-6 * total)
        }
    }
}
