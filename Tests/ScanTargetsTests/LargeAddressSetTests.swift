import ScanTargets
import TestSupport
import Testing

/// An exclusion list of half a million ranges is read at start and consulted for each packet: a loop that went quadratic would take hours here.
@Suite("A scope of 500,000 ranges", .serialized)
struct LargeAddressSetTests {
    private static let large = AddressSet(everySecondAddress(of: 0x0a00_0000))
    private static let shifted = AddressSet(everySecondAddress(of: 0x0a00_0000 + 500_000))

    /// 500,000 single addresses with gaps between them.
    private static func everySecondAddress(of start: UInt32) -> [AddressRange] {
        (0..<500_000).map { AddressRange(IPAddress(v4: start + 2 * $0)) }
    }

    @Test("It is built from ranges in any order")
    func builds() {
        var random = SeededGenerator(seed: 3)
        let shuffled = Self.everySecondAddress(of: 0x0a00_0000).shuffled(using: &random)
        #expect(AddressSet(shuffled) == Self.large)
    }

    @Test("Union, difference, intersection and scope check")
    func combines() {
        let (left, right) = (Self.large, Self.shifted)
        let results = [left.union(right), left.subtracting(right), left.intersection(right)]
        #expect(results.map(\.ranges.count) == [750_000, 250_000, 250_000])
        #expect(left.firstRange(outside: left) == nil)
    }

    @Test("A million look-ups of random addresses")
    func looksUp() {
        var random = SeededGenerator(seed: 4)
        let set = Self.large
        var found = 0
        for _ in 0..<1_000_000 where set.contains(v4: 0x0a00_0000 + UInt32(random.below(1_000_000))) { found += 1 }
        #expect(500_000 - 5_000..<500_000 + 5_000 ~= found)
    }
}
