import ScanCore
import ScanTargets
import TestSupport
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
        #expect(watch.judge(stretch(300, sent: 40, answered: 0)) == nil)
        #expect(watch.judge(stretch(340, sent: 60, answered: 0)) == .dark(from: 100))
    }

    @Test("silence where hardly anything ever answered is no outage")
    func sparse() {
        var watch = OutageWatch()
        #expect(watch.judge(stretch(0, sent: 1000, answered: 1)) == nil)
        for start in stride(from: UInt64(1000), to: 20_000, by: 1000) {
            #expect(watch.judge(stretch(start, sent: 1000, answered: 0)) == nil)
        }
    }

    /// Stretches of 100 probes in random order, of which `share` answers but for those in `outage`.
    private func stretches(_ count: Int, share: Double, outage: Range<Int> = 0..<0, _ draws: inout SeededGenerator) -> [Stretch] {
        (0..<count).map { number in
            let answered = outage.contains(number) ? 0 : (0..<100).count { _ in Double.random(in: 0..<1, using: &draws) < share }
            return stretch(UInt64(number * 100), sent: 100, answered: answered)
        }
    }

    @Test("chance is never taken for an outage, however few answer", arguments: [0.0005, 0.002, 0.01, 0.05, 0.5])
    func noFalseAlarm(share: Double) {
        for seed in 1...20 as ClosedRange<UInt64> {
            var (watch, draws) = (OutageWatch(), SeededGenerator(seed: seed))
            watch.beginPass()
            let signs = stretches(2000, share: share, &draws).compactMap { watch.judge($0) }
            #expect(signs.isEmpty, "seed \(seed)")
        }
    }

    @Test("an outage at the very beginning is noticed when answers come, whatever share they are", arguments: [0.02, 0.1, 0.9])
    func dawn(share: Double) {
        for seed in 1...20 as ClosedRange<UInt64> {
            var (watch, draws) = (OutageWatch(), SeededGenerator(seed: seed))
            watch.beginPass()
            let signs = stretches(400, share: share, outage: 0..<50, &draws).compactMap { watch.judge($0) }
            guard case .dawn(let end)? = signs.first, signs.count == 1 else {
                Issue.record("seed \(seed): \(signs)")
                continue
            }
            #expect(end >= 5000 && end <= 5000 + UInt64(500 / share), "seed \(seed)")
        }
    }

    @Test("an outage that nearly all of a pass was sent into is noticed when the pass is over")
    func lateDawn() {
        var watch = OutageWatch()
        watch.beginPass()
        for start in stride(from: UInt64(0), to: 10_000, by: 100) { #expect(watch.judge(stretch(start, sent: 100, answered: 0)) == nil) }
        #expect(watch.judge(stretch(10_000, sent: 100, answered: 5)) == nil)
        #expect(watch.endPass() == .dawn(10_000))
        #expect(watch.endPass() == nil)
    }

    @Test("one outage after another is noticed, each time from before it")
    func several() {
        var (watch, draws) = (OutageWatch(), SeededGenerator(seed: 7))
        watch.beginPass()
        var signs: [OutageWatch.Sign] = []
        for number in 0..<1000 {
            let isOut = [100..<120, 300..<310, 320..<340, 900..<1000].contains { $0.contains(number) }
            let answered = isOut ? 0 : (0..<100).count { _ in Double.random(in: 0..<1, using: &draws) < 0.1 }
            guard let sign = watch.judge(stretch(UInt64(number * 100), sent: 100, answered: answered)) else { continue }
            if signs.last != sign { signs.append(sign) }
            watch.forget()
        }
        for start in [100, 300, 320, 900] as [UInt64] {
            let isNoticed = signs.contains {
                if case .dark(let from) = $0 { from <= start * 100 && from + 1500 > start * 100 } else { false }
            }
            #expect(isNoticed, "\(start): \(signs)")
        }
    }

    @Test("a path that goes in the first moments of a chunk is noticed by what the chunk before was like")
    func nextChunk() {
        var watch = OutageWatch()
        for start: UInt64 in [0, 100, 200] { #expect(watch.judge(stretch(start, sent: 100, answered: 20)) == nil) }
        watch.beginRound()
        watch.beginPass()
        let signs = (0..<3).compactMap { watch.judge(stretch(1000 + $0 * 100, sent: 100, answered: 0)) }
        #expect(signs == [.dark(from: 1000), .dark(from: 1000)])
    }

    @Test("at the end of a part a few that are asked decide, and one answer is enough")
    func tail() {
        var watch = OutageWatch()
        _ = watch.judge(stretch(0, sent: 1000, answered: 10, canaries: (20, 20)))
        #expect(!watch.isTailDark)
        _ = watch.judge(stretch(1000, sent: 100, answered: 0))
        #expect(watch.isTailDark)
        var dead = watch
        #expect(watch.judge(asked: ProbeCount(sent: 8, answered: 1)) == nil && !watch.isTailDark)
        #expect(dead.judge(asked: ProbeCount(sent: 8)) == 0)
        // Where nine of ten are lost anyway eight are no sign.
        var lossy = OutageWatch()
        _ = lossy.judge(stretch(0, sent: 1000, answered: 10, canaries: (50, 5)))
        _ = lossy.judge(stretch(1000, sent: 100, answered: 0))
        #expect(lossy.judge(asked: ProbeCount(sent: 8)) == nil)
    }

    @Test("when those that answered have gone for good, their silence is no outage, and the next one is noticed by others")
    func anew() {
        var watch = OutageWatch()
        _ = watch.judge(stretch(0, sent: 100, answered: 50, canaries: (20, 20)))
        watch.beginAnew()
        for start in stride(from: UInt64(1000), to: 3000, by: 100) {
            #expect(watch.judge(stretch(start, sent: 100, answered: 0, canaries: (2, 0))) == nil)
        }
        for start in stride(from: UInt64(3000), to: 4000, by: 100) { _ = watch.judge(stretch(start, sent: 100, answered: 50)) }
        let signs = (0..<20).compactMap { watch.judge(stretch(4000 + UInt64($0) * 100, sent: 100, answered: 0)) }
        #expect(signs.first == .dark(from: 3800))
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
