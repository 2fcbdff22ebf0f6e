import ScanTargets
import TestSupport
import Testing

@Suite("Port sets")
struct PortSetTests {
    @Test(
        "Ranges are sorted and joined, and written shortest",
        arguments: [
            ("", "", 0),
            ("80", "80", 1),
            ("443,80,22", "22,80,443", 3),
            ("80,81,82", "80-82", 3),
            ("1-1024,1000-2000", "1-2000", 2000),
            ("65535,65534", "65534-65535", 2),
            ("8000-8080,22,80", "22,80,8000-8080", 83),
            ("1-65535", "1-65535", 65535),
        ])
    func normalises(text: String, canonical: String, count: Int) throws {
        let set = try portSet(text)
        #expect(set.description == canonical)
        #expect(set.count == count)
        #expect(set.isEmpty == (count == 0))
        #expect(PortSet(canonical) == set)
    }

    @Test(
        "What its description never holds is refused",
        arguments: ["0", "0-80", "65536", "080", "80-", "-80", "-", "90-80", "80,", ",80", "80,,81", "80 ,81", "ssh", "+80", "1-2-3"])
    func refuses(text: String) {
        #expect(PortSet(text) == nil)
    }

    @Test("Port 0 never gets in")
    func dropsPortZero() {
        #expect(PortSet([0...0]).isEmpty)
        #expect(PortSet([0...65535]) == PortSet.all)
        #expect(PortSet([0...0, 0...2, 9...9]).description == "1-2,9")
        #expect(!PortSet([0...65535]).contains(0))
        #expect(PortSet([0...65535]).index(of: 0) == nil)
    }

    @Test("Look-up, numbering and set algebra agree with plain sets of ports", arguments: 0..<100 as Range<UInt64>)
    func behavesLikeASet(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let (left, leftModel) = randomPorts(&random)
        let (right, rightModel) = randomPorts(&random)
        let members = leftModel.sorted()
        #expect(left.count == members.count)
        #expect(Array(left) == members)
        #expect((-1...members.count).allSatisfy { left.port(at: $0) == (members.indices.contains($0) ? members[$0] : nil) })
        #expect(members.indices.allSatisfy { left.index(of: members[$0]) == $0 })
        #expect((0...UInt16.max).allSatisfy { left.contains($0) == leftModel.contains($0) })
        #expect(Set(left.union(right)) == leftModel.union(rightModel))
        #expect(Set(left.subtracting(right)) == leftModel.subtracting(rightModel))
        #expect(Set(left.intersection(right)) == leftModel.intersection(rightModel))
    }

    @Test("A number outside the set gives no port", arguments: [Int.min, -1, 3, .max])
    func refusesIndex(index: Int) throws {
        #expect(try portSet("22,80,443").port(at: index) == nil)
    }

    /// Up to 20 ranges, many of them at the ends and within reach of each other.
    private func randomPorts(_ random: inout SeededGenerator) -> (PortSet, Set<UInt16>) {
        var ranges: [ClosedRange<UInt16>] = []
        for _ in 0..<random.below(20) {
            let start = [random.below(60), 65_535 - random.below(60), 1 + random.below(65_535)][random.below(3)]
            ranges.append(UInt16(start)...UInt16(min(start + random.below(20), 65_535)))
        }
        return (PortSet(ranges), Set(ranges.joined()).subtracting([0]))
    }
}
