/// A contiguous run of positions: shard `number` of `of` covers its part of 0 ..< count, and all shards together cover it once.
package struct Shard: Sendable, Equatable {
    package let positions: Range<UInt64>

    /// Nil unless `number` is in 0 ..< `of`. Shards differ by at most one position in length.
    package init?(_ number: UInt64, of shards: UInt64, count: UInt64) {
        guard number < shards else { return nil }
        positions = Self.bound(number, shards, count)..<Self.bound(number + 1, shards, count)
    }

    private static func bound(_ number: UInt64, _ shards: UInt64, _ count: UInt64) -> UInt64 {
        shards.dividingFullWidth(number.multipliedFullWidth(by: count)).quotient
    }
}
