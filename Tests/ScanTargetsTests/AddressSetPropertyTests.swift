import ScanTargets
import TestSupport
import Testing

/// Random sets against a plain `Set` of addresses. The universe is small and lies at the edges where arithmetic breaks: the first and the
/// last 24 addresses of each family.
@Suite("Address sets behave like sets of addresses")
struct AddressSetPropertyTests {
    private static let blocks: [[IPAddress]] = [
        (0..<24).map { IPAddress(v4: $0) },
        (0..<24).map { IPAddress(v4: .max - 23 + $0) },
        (0..<24).map { IPAddress(v6: $0) },
        (0..<24).map { IPAddress(v6: .max - 23 + $0) },
    ]
    private static let universe = blocks.flatMap(\.self)

    @Test("Look-up and numbering agree with the sorted list of members", arguments: 0..<200 as Range<UInt64>)
    func looksUp(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let (set, model) = randomSet(&random)
        let members = model.sorted()
        #expect(set.count == UInt128(members.count))
        #expect(set.isEmpty == members.isEmpty)
        #expect(members.indices.allSatisfy { set.address(at: UInt64($0)) == members[$0] })
        #expect(set.address(at: UInt64(members.count)) == nil)
        #expect(Self.universe.allSatisfy { set.contains($0) == model.contains($0) })
        #expect(Self.universe.allSatisfy { address in address.v4.map { set.contains(v4: $0) == model.contains(address) } ?? true })
        #expect(Self.universe.allSatisfy { set.offset(of: $0).map(Int.init) == members.firstIndex(of: $0) })
    }

    @Test("Union, difference, intersection and the first part outside agree with set algebra", arguments: 0..<500 as Range<UInt64>)
    func combines(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let (left, leftModel) = randomSet(&random)
        let (right, rightModel) = randomSet(&random)
        let difference = set(of: leftModel.subtracting(rightModel))
        #expect(left.union(right) == set(of: leftModel.union(rightModel)))
        #expect(left.subtracting(right) == difference)
        #expect(left.intersection(right) == set(of: leftModel.intersection(rightModel)))
        #expect(left.firstRange(outside: right) == difference.ranges.first)
    }

    /// Some random ranges, each within one block, and the same addresses one by one.
    private func randomSet(_ random: inout SeededGenerator) -> (AddressSet, Set<IPAddress>) {
        var ranges: [AddressRange] = []
        var model: Set<IPAddress> = []
        for _ in 0..<random.below(12) {
            let block = Self.blocks[random.below(4)]
            let start = random.below(block.count)
            let end = min(start + random.below(8), block.count - 1)
            if let range = AddressRange(first: block[start], last: block[end]) { ranges.append(range) }
            model.formUnion(block[start...end])
        }
        return (AddressSet(ranges), model)
    }

    private func set(of model: Set<IPAddress>) -> AddressSet {
        AddressSet(model.map { AddressRange($0) })
    }
}
