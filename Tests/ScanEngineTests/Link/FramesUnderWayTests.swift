import PacketIO
import TestSupport
import Testing

@Suite("Which frames the kernel still needs")
struct FramesUnderWayTests {
    @Test("agrees with a set after any changes, at any place of the words")
    func model() {
        var generator = SeededGenerator(seed: 90)
        let size = 1000
        let underWay = FramesUnderWay(blocks: size)
        var model: Set<Int> = []
        for turn in 0..<2000 {
            let first = Int.random(in: 0...size, using: &generator)
            let blocks = first..<min(size, first + Int.random(in: 0...(turn % 2 == 0 ? 3 : 200), using: &generator))
            switch generator.next() % 40 {
            case 0:
                underWay.removeAll()
                model = []
            case 1..<20:
                underWay.insert(blocks)
                model.formUnion(blocks)
            default:
                underWay.remove(blocks)
                model.subtract(blocks)
            }
            let start = Int.random(in: 0...size, using: &generator)
            let range = start..<Int.random(in: start...size, using: &generator)
            #expect(underWay.first(in: range) == range.first(where: model.contains) ?? range.upperBound)
        }
    }
}
