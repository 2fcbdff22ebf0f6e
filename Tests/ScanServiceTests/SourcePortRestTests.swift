import ScanService
import Testing

@Suite("Source ports rest after a job")
struct SourcePortRestTests {
    @Test("A block rests two minutes from the end of its job")
    func resting() {
        var rest = SourcePortRest()
        rest.add(61_000, endedAt: 10)
        rest.add(61_016, endedAt: 50)
        #expect(rest.resting(at: 60) == [61_000, 61_016])
        #expect(rest.resting(at: 130.1) == [61_016])
        #expect(rest.resting(at: 1000) == [])
        #expect(rest.longestRested == nil)
    }

    @Test("Where all rest, the one that has rested longest is next")
    func longest() {
        var rest = SourcePortRest()
        rest.add(61_016, endedAt: 20)
        rest.add(61_000, endedAt: 30)
        #expect(rest.longestRested == 61_016)
        rest.add(61_016, endedAt: 40)
        #expect(rest.longestRested == 61_000)
    }
}
