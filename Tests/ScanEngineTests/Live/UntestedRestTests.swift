import ScanCore
import ScanEngine
import ScanTargets
import TestSupport
import Testing

@Suite("What a job leaves untested, and a job over just that")
struct UntestedRestTests {
    private let selection: TargetSelection
    private let key: ScanKey
    private let space: ProbeSpace
    private let permutation: Permutation

    init() throws {
        var generator = SeededGenerator(seed: 5)
        key = generator.key()
        let range = try #require(AddressRange("10.0.0.0/22"))
        selection = TargetSelection(
            hosts: AddressSet([range]), ports: PortSet([22...41]), endpoints: [Endpoint(address: IPAddress(v4: 1), port: 9)])
        space = try #require(ProbeSpace(selection))
        permutation = Permutation(count: space.count, key: key)
    }

    private func target(_ position: UInt64) throws -> Endpoint { try #require(space.target(at: permutation.index(at: position))) }

    private func all(_ rest: UntestedRest) -> [Endpoint] {
        var (rest, targets): (UntestedRest, [Endpoint]) = (rest, [])
        while let batch = rest.next(1000) { targets += batch }
        return targets
    }

    @Test("Nothing is known of a job that never ran, nothing is left of one that came to its end")
    func ends() throws {
        let whole = try UntestedRest(selection, key: key, chosen: nil, checkpoint: nil, answered: [])
        let targets = all(whole)
        #expect(targets.count == Int(space.count) && Set(targets).count == targets.count)
        let chosen = whole.chosen { _ in [] }
        #expect(chosen.count(of: space.count) == space.count)
        let ended = try UntestedRest(ended: selection, key: key, chosen: nil)
        #expect(all(ended).isEmpty)
        #expect(ended.chosen { _ in [] }.count(of: space.count) == 0)
    }

    @Test("A retry is about what is silent and what was settled as untested, and its own rest is again a part of that")
    func chosen() throws {
        let answered = try (0..<space.count).filter { $0 % 3 != 0 }.map { (target: try target($0), state: TargetState.closed) }
        let rest = try UntestedRest(selection, key: key, chosen: nil, checkpoint: nil, answered: answered)
        let silent = try (0..<space.count).filter { $0 % 3 == 0 }.map { try target($0) }
        #expect(Set(all(rest)) == Set(silent) && all(rest).count == silent.count)
        // Some of those that were settled had not been asked.
        let left = PositionSet((0..<space.count).filter { $0 % 9 == 1 })
        let chosen = rest.chosen { $0.overlaps(left.span) ? [left] : [] }
        #expect(chosen.count(of: space.count) == UInt64(silent.count) + left.count)
        let expected = try Set(silent + (0..<space.count).filter { $0 % 9 == 1 }.map { try target($0) })
        let retry = try UntestedRest(selection, key: key, chosen: chosen, checkpoint: nil, answered: [])
        #expect(Set(all(retry)) == expected && all(retry).count == expected.count)
        let second = try UntestedRest(
            selection, key: key, chosen: chosen, checkpoint: nil, answered: expected.prefix(1000).map { (target: $0, state: .open) })
        #expect(Set(all(second)) == expected.subtracting(expected.prefix(1000)))
    }

    @Test("A table that is about a part is silent there alone, also after a checkpoint, and nothing else becomes silent or answers")
    func table() {
        let chosen = ChosenTargets(sets: [PositionSet([3, 64, 65, 66, 900])], tail: 1000)
        let table = ProbeTable(positions: 0..<1010, only: chosen)
        func silent(_ table: ProbeTable) -> [UInt64] { (0..<1010).filter { table.state(at: $0) == nil } }
        #expect(silent(table) == [3, 64, 65, 66, 900] + Array(1000..<1010))
        #expect(table.size == 15 && table.silentCount == 15)
        #expect(!table.reopen(4) && !table.overrule(4, by: .open) && !table.settle(4, as: .open))
        #expect(table.settle(65, as: .filtered) && table.reopen(65) && table.settle(65, as: .open))
        let again = ProbeTable(positions: 0..<1010, only: chosen)
        #expect(again.restore(table.takeDirtyPages()))
        #expect(silent(again) == silent(table) && again.silentCount == 14)
    }
}
