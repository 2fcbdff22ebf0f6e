import ScanCore
import TestSupport
import Testing

@Suite("Sets of positions")
struct PositionSetTests {
    /// Sets of every density, near 0 and far from it.
    private static func samples() -> [[UInt64]] {
        var generator = SeededGenerator(seed: 17)
        return (0..<60).map { round in
            let start = round % 3 == 0 ? 0 : generator.next() >> UInt64(2 + round % 40)
            let rarity = [1, 2, 3, 40, 5000][round % 5]
            return (0..<UInt64(4000)).filter { _ in generator.next() % UInt64(rarity) == 0 }.map { start + $0 }
        }
    }

    private func positions(_ set: PositionSet) -> [UInt64] {
        var all: [UInt64] = []
        set.eachRun { all += Array($0) }
        return all
    }

    @Test("What goes in comes out, also by way of the store, and takes a bit for each position of its span at most")
    func roundTrip() throws {
        for sample in Self.samples() {
            let set = PositionSet(sample)
            #expect(positions(set) == sample && set.count == UInt64(sample.count))
            #expect(set.bytes.count <= (set.span.count + 7) / 8)
            let stored = try #require(PositionSet(encoded: set.encoded))
            #expect(stored == set && positions(stored) == sample)
        }
        #expect(PositionSet(1000..<90_000_000_000).bytes.count < 10)
    }

    @Test("Bytes that are no set are refused")
    func refused() {
        let valid = PositionSet([3, 4, 90, 700]).encoded
        #expect(PositionSet(encoded: Array(valid.dropLast())) == nil)
        #expect(PositionSet(encoded: valid + [1]) == nil)
        #expect(PositionSet(encoded: []) == nil)
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<20_000 {
            var bytes = valid
            for _ in 0..<1 + generator.next() % 4 {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            guard let set = PositionSet(encoded: bytes), set.count < 100_000 else { continue }
            #expect(positions(set).count == Int(set.count))
        }
    }
}
