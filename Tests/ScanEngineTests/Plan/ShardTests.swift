import ScanEngine
import TestSupport
import Testing

@Suite("Shards")
struct ShardTests {
    @Test("the shards of one scan cover every position once and differ by at most one")
    func partition() throws {
        var generator = SeededGenerator(seed: 10)
        for _ in 0..<2000 {
            let count = generator.next() >> UInt64.random(in: 0...63, using: &generator)
            let shards = UInt64.random(in: 1...300, using: &generator)
            var next: UInt64 = 0
            for number in 0..<shards {
                let positions = try #require(Shard(number, of: shards, count: count)).positions
                #expect(positions.lowerBound == next, "shard \(number) of \(shards) of \(count)")
                let length = positions.upperBound - positions.lowerBound
                #expect(length == count / shards || length == count / shards + 1)
                next = positions.upperBound
            }
            #expect(next == count)
        }
    }

    @Test(
        "as many shards as targets, or more, leave none out",
        arguments: [(1, 1), (5, 5), (5, 8), (0, 3), (1, 1000)] as [(UInt64, UInt64)])
    func moreShardsThanTargets(count: UInt64, shards: UInt64) {
        let covered = (0..<shards).compactMap { Shard($0, of: shards, count: count) }.flatMap { Array($0.positions) }
        #expect(covered == Array(0..<count))
    }

    @Test("the largest scan has shards too", arguments: [1, 2, 3, 1 << 32, .max] as [UInt64])
    func largest(shards: UInt64) throws {
        let last = try #require(Shard(shards - 1, of: shards, count: .max))
        #expect(last.positions.upperBound == .max)
    }

    @Test("a shard that does not exist is refused", arguments: [(0, 0), (1, 1), (7, 3), (.max, .max)] as [(UInt64, UInt64)])
    func none(number: UInt64, shards: UInt64) {
        #expect(Shard(number, of: shards, count: 100) == nil)
    }
}
