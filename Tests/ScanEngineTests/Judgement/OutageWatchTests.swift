import ScanEngine
import ScanTargets
import Testing

@Suite("A path that has gone")
struct OutageWatchTests {
    private func stretch(_ start: UInt64, sent: Int, answered: Int, isFirst: Bool = true, canaries: (Int, Int) = (0, 0)) -> Stretch {
        var log = StretchLog()
        log.open(Stretch(rate: 1000, isFirst: isFirst, start: start))
        for position in 0..<answered { log.answered(start + UInt64(position), isCanary: false, at: 1, roundTrip: 100) }
        for _ in 0..<canaries.1 { log.answered(start, isCanary: true, at: 1, roundTrip: nil) }
        log.close(at: 5, before: start + UInt64(sent), first: sent, canaries: canaries.0)
        return log.take(endedBefore: 10) ?? Stretch(rate: 0, isFirst: true, start: 0)
    }

    @Test("silence where answers were usual is told, from before the fault")
    func silence() {
        var watch = OutageWatch()
        for start: UInt64 in [0, 100, 200] { #expect(watch.judge(stretch(start, sent: 100, answered: 50)) == nil) }
        #expect(watch.judge(stretch(300, sent: 50, answered: 0)) == nil)
        #expect(watch.judge(stretch(350, sent: 50, answered: 0)) == 100)
    }

    @Test("silence where hardly anything ever answered is no outage")
    func sparse() {
        var watch = OutageWatch()
        #expect(watch.judge(stretch(0, sent: 1000, answered: 1)) == nil)
        for start in stride(from: UInt64(1000), to: 20_000, by: 1000) {
            #expect(watch.judge(stretch(start, sent: 1000, answered: 0)) == nil)
        }
    }

    @Test("in later rounds, where only the silent are asked, canaries alone count")
    func laterRounds() {
        var watch = OutageWatch()
        _ = watch.judge(stretch(0, sent: 1000, answered: 900, canaries: (20, 20)))
        watch.beginRound()
        #expect(watch.judge(stretch(0, sent: 5000, answered: 0, isFirst: false, canaries: (20, 0))) == nil)
        #expect(watch.judge(stretch(5000, sent: 5000, answered: 0, isFirst: false, canaries: (20, 0))) != nil)
    }

    @Test("one answer ends the count")
    func oneAnswer() {
        var watch = OutageWatch()
        _ = watch.judge(stretch(0, sent: 100, answered: 50))
        for start in stride(from: UInt64(100), to: 1000, by: 100) {
            #expect(watch.judge(stretch(start, sent: 50, answered: 0)) == nil)
            #expect(watch.judge(stretch(start + 50, sent: 50, answered: 1)) == nil)
        }
    }

    @Test("whether a path is back is asked of all that have answered in turn, however few they are", arguments: [1, 3, 8, 9, 20])
    func askedAgain(count: Int) {
        let table = ProbeTable(positions: 1000..<1_000_000)
        let answered = (0..<count).map { 1000 + UInt64($0 * 3) }
        for (turn, position) in answered.enumerated() { _ = table.settle(position, as: turn % 2 == 0 ? .open : .closed) }
        var choice = CanaryChoice(seed: 1)
        var asked: [UInt64] = []
        while asked.count < count * 4 {
            let next = choice.next(8, table)
            #expect(next.count == min(8, count))
            #expect(Set(next).count == next.count)
            asked += next
        }
        #expect(Set(asked) == Set(answered))
    }
}
