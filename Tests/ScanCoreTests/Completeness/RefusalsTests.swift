import ScanCore
import ScanTargets
import TestSupport
import Testing

@Suite("Targets that only an ICMP error has answered")
struct RefusalsTests {
    @Test("they agree with a set: each is asked once more, those of an outage as often as it takes")
    func model() {
        var generator = SeededGenerator(seed: 9)
        for positions in [0..<1, 5..<1000, (1 << 40)..<(1 << 40) + 4096] as [Range<UInt64>] {
            let refusals = Refusals(positions: positions)
            #expect(refusals.targets(in: positions, isFirst: false).isEmpty && !refusals.contains(positions.lowerBound))
            var (fresh, asked) = ([UInt64: Reason](), Set<UInt64>())
            for _ in 0..<2 * positions.count {
                let position = UInt64.random(in: positions, using: &generator)
                switch generator.next() % 4 {
                case 0, 1:
                    let reason = [.hostUnreachable, .timeExceeded, .adminProhibited, .portUnreachable][Int(generator.next() % 4)] as Reason
                    refusals.note(position, reason)
                    if !asked.contains(position), fresh[position] == nil { fresh[position] = reason }
                case 2 where fresh[position] != nil:
                    refusals.askAgain(position)
                    fresh[position] = nil
                    asked.insert(position)
                case 3:
                    refusals.remove(position)
                    fresh[position] = nil
                    asked.remove(position)
                default: break
                }
                #expect(refusals.count == fresh.count + asked.count)
                #expect(refusals.onTheWay == fresh.values.count(where: \.isOfTheWay))
            }
            let part = positions.lowerBound + UInt64(positions.count) / 3..<positions.upperBound
            #expect(refusals.targets(in: part, isFirst: true) == fresh.keys.filter(part.contains).sorted())
            #expect(refusals.targets(in: part, isFirst: false) == (Set(fresh.keys).union(asked)).filter(part.contains).sorted())
            #expect(positions.allSatisfy { refusals.contains($0) == (fresh[$0] != nil || asked.contains($0)) })
            #expect(refusals.targets(in: 0..<UInt64.max, isFirst: true).count == fresh.count, "parts outside are clipped")
        }
    }

    @Test("the error that came first is remembered with its distance, and a SYN-ACK takes its place")
    func memory() {
        var memory = AnswerMemory()
        #expect(memory.error(at: 3) == nil)
        memory.note(3, .hostUnreachable, ttl: 61)
        #expect(memory.error(at: 3) == .init(reason: .hostUnreachable, ttl: 61) && memory.error(at: 4) == nil)
        #expect(!memory.contradicts(3, ttl: 9), "an error says nothing of the target's distance")
        memory.note(3, .synAck, ttl: 50)
        #expect(memory.error(at: 3) == nil && memory.contradicts(3, ttl: 51))
        for (position, reason) in Reason.allCases.enumerated() where reason.state == .filtered {
            memory.note(UInt64(position) + 100, reason, ttl: 7)
            #expect(memory.error(at: UInt64(position) + 100)?.reason == reason)
        }
    }
}
