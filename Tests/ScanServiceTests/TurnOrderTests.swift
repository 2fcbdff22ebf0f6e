import ScanAPI
import ScanService
import TestSupport
import Testing

@Suite("Whose turn it is")
struct TurnOrderTests {
    private static func turn(_ id: Int64, _ priority: JobPriority = .normal, interrupted: Bool = false, uid: UInt32 = 0) -> TurnOrder.Turn {
        .init(id: id, uid: uid, priority: priority, wasInterrupted: interrupted)
    }

    private static func order(_ turns: TurnOrder) -> [Int64] {
        var (turns, ids) = (turns, [Int64]())
        while let next = turns.first(where: { _ in true }) {
            ids.append(next.id)
            turns.set(nil, for: next.id)
        }
        return ids
    }

    @Test("Interrupted jobs go first, then by priority, then first come, first served")
    func order() {
        var turns = TurnOrder()
        for turn in [
            Self.turn(1), Self.turn(2, .low), Self.turn(3, .high), Self.turn(4), Self.turn(5, .low, interrupted: true), Self.turn(6, .high),
        ] { turns.set(turn, for: turn.id) }
        #expect(Self.order(turns) == [5, 3, 6, 1, 4, 2])
    }

    @Test("A job that changes its priority changes its place, and one that is taken out is gone")
    func change() {
        var turns = TurnOrder()
        for id in 1...4 as ClosedRange<Int64> { turns.set(Self.turn(id), for: id) }
        turns.set(Self.turn(3, .high), for: 3)
        turns.set(nil, for: 1)
        turns.set(nil, for: 99)
        #expect(Self.order(turns) == [3, 2, 4])
    }

    @Test("The first that is free is found behind those that are not, and a user's jobs are counted")
    func users() {
        var turns = TurnOrder()
        for id in 1...10 as ClosedRange<Int64> { turns.set(Self.turn(id, uid: id < 8 ? 7 : 8), for: id) }
        #expect(turns.first { $0.uid == 8 }?.id == 8)
        #expect(turns.count(of: 7) == 7 && turns.count(of: 9) == 0)
    }

    @Test("Whatever comes in whatever order, it is what sorting gives")
    func random() {
        var generator = SeededGenerator(seed: 3)
        var turns = TurnOrder()
        var model: [Int64: TurnOrder.Turn] = [:]
        for _ in 0..<5000 {
            let id = Int64.random(in: 1...200, using: &generator)
            let turn = Self.turn(id, JobPriority.allCases.randomElement(using: &generator) ?? .low, interrupted: .random(using: &generator))
            let isIn = Bool.random(using: &generator)
            turns.set(isIn ? turn : nil, for: id)
            model[id] = isIn ? turn : nil
        }
        #expect(Self.order(turns) == model.values.sorted().map(\.id))
    }
}
