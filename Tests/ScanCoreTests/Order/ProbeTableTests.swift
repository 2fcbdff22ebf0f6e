import ScanCore
import ScanTargets
import TestSupport
import Testing

@Suite("Two bits for each target")
struct ProbeTableTests {
    /// Sizes around whole words of 32 positions, at the start of a job and far into it.
    private static let chunks: [Range<UInt64>] = [1, 2, 31, 32, 33, 63, 64, 65, 95, 96, 97, 1000].flatMap { size in
        [0, 7, 32, (1 << 26), (1 << 63) - 1000].map { $0..<$0 + size } as [Range<UInt64>]
    }

    private static let answers: [TargetState] = [.open, .closed, .filtered]

    /// What the table must say, from a dictionary of the answers.
    private static func expectAgreement(_ table: ProbeTable, _ model: [UInt64: TargetState]) {
        #expect(table.silentCount == table.positions.count - model.count)
        for position in table.positions { #expect(table.state(at: position) == model[position]) }
    }

    @Test("the table and a dictionary agree after any answers in any order, the first answer winning", arguments: chunks)
    func model(positions: Range<UInt64>) {
        var generator = SeededGenerator(seed: positions.lowerBound &+ UInt64(positions.count))
        let table = ProbeTable(positions: positions)
        var model: [UInt64: TargetState] = [:]
        Self.expectAgreement(table, model)
        for _ in 0..<2 * positions.count {
            let position = UInt64.random(in: positions, using: &generator)
            let answer = Self.answers[Int(generator.next() % 3)]
            let isFirst = model[position] == nil
            #expect(table.settle(position, as: answer) == isFirst)
            if isFirst { model[position] = answer }
        }
        Self.expectAgreement(table, model)
    }

    @Test(
        "an answer of the target overrules an error, an error nothing; what is asked again is silent and comes into the checkpoint",
        arguments: chunks)
    func overruling(positions: Range<UInt64>) {
        var generator = SeededGenerator(seed: positions.lowerBound &+ 3 * UInt64(positions.count))
        let table = ProbeTable(positions: positions)
        var model: [UInt64: TargetState] = [:]
        var pages: [Int: ProbePage] = [:]
        for _ in 0..<4 * positions.count {
            let position = UInt64.random(in: positions, using: &generator)
            let answer = Self.answers[Int(generator.next() % 3)]
            let before = model[position]
            switch generator.next() % 3 {
            case 0:
                #expect(table.settle(position, as: answer) == (before == nil))
                if before == nil { model[position] = answer }
            case 1:
                let isOverruled = before == .filtered && answer != .filtered
                #expect(table.overrule(position, by: answer) == isOverruled)
                if isOverruled { model[position] = answer }
            default:
                #expect(table.reopen(position) == (before == .filtered))
                if before == .filtered { model[position] = nil }
            }
            if generator.next() % 16 == 0 { for page in table.takeDirtyPages() { pages[page.number] = page } }
        }
        Self.expectAgreement(table, model)
        for page in table.takeDirtyPages() { pages[page.number] = page }
        let restored = ProbeTable(positions: positions)
        #expect(restored.restore(pages.values.sorted { $0.number < $1.number }))
        Self.expectAgreement(restored, model)
    }

    @Test("the next silent target is found from any place to any end", arguments: chunks)
    func nextSilent(positions: Range<UInt64>) {
        var generator = SeededGenerator(seed: positions.lowerBound ^ UInt64(positions.count))
        let table = ProbeTable(positions: positions)
        var silent = Set(positions)
        for share in [0, 2, 9] as [UInt64] {
            // First all are silent, then two of three, then hardly any.
            for position in positions where generator.next() % 10 < share && silent.remove(position) != nil {
                _ = table.settle(position, as: Self.answers[Int(generator.next() % 3)])
            }
            for _ in 0..<200 {
                let start = UInt64.random(in: positions.lowerBound...positions.upperBound, using: &generator)
                let end = UInt64.random(in: positions.lowerBound...positions.upperBound, using: &generator)
                let expected = start < end ? (start..<end).first(where: silent.contains) : nil
                #expect(table.nextSilent(from: start, before: end) == expected, "from \(start) before \(end)")
                let most = Int(generator.next() % 70)
                let all = start < end ? Array((start..<end).lazy.filter(silent.contains).prefix(most)) : []
                #expect(Self.silent(table, from: start, before: end, most) == all, "\(most) from \(start) before \(end)")
            }
        }
    }

    private static func silent(_ table: ProbeTable, from start: UInt64, before end: UInt64, _ most: Int) -> [UInt64] {
        // One place more, to see that it stays as it is.
        let places = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: most + 1)
        defer { places.deallocate() }
        places.initialize(repeating: 0xA5A5)
        guard let first = places.baseAddress else { return [] }
        let found = table.findSilent(from: start, before: end, most: most, first)
        #expect(places[most] == 0xA5A5)
        return Array(places.prefix(found))
    }

    @Test("a round visits each silent target once, in order")
    func round() {
        var generator = SeededGenerator(seed: 70)
        let positions = 100..<1137 as Range<UInt64>
        let table = ProbeTable(positions: positions)
        var silent = Array(positions)
        for _ in 0..<500 {
            let index = Int(generator.next() % UInt64(silent.count))
            #expect(table.settle(silent.remove(at: index), as: .open))
        }
        var visited: [UInt64] = []
        var position = positions.lowerBound
        while let next = table.nextSilent(from: position, before: positions.upperBound) {
            visited.append(next)
            position = next + 1
        }
        #expect(visited == silent)
    }

    @Test("a table comes back from the pages that have changed, also when they were taken in between", arguments: chunks)
    func pages(positions: Range<UInt64>) throws {
        var generator = SeededGenerator(seed: UInt64(positions.count))
        let table = ProbeTable(positions: positions)
        var model: [UInt64: TargetState] = [:]
        var pages: [Int: ProbePage] = [:]
        for position in positions where generator.next() % 2 == 0 {
            model[position] = Self.answers[Int(generator.next() % 3)]
            _ = table.settle(position, as: model[position] ?? .open)
            if generator.next() % 1000 == 0 {
                for page in table.takeDirtyPages() { pages[page.number] = page }
            }
        }
        for page in table.takeDirtyPages() { pages[page.number] = page }
        #expect(table.takeDirtyPages().isEmpty)
        let other = ProbeTable(positions: positions)
        let stored = try pages.values.map { try #require(ProbePage(number: $0.number, bytes: $0.bytes)) }
        #expect(other.restore(stored))
        Self.expectAgreement(other, model)
        #expect(other.takeDirtyPages().isEmpty)
    }

    @Test("pages that do not fit the table are refused", arguments: chunks)
    func wrongSize(positions: Range<UInt64>) {
        let words = positions.count / 32 + 1
        let last = words / ProbePage.words
        let whole = [UInt64](repeating: 0, count: ProbePage.words)
        let wrong = [
            ProbePage(number: -1, values: whole), ProbePage(number: last + 1, values: whole), ProbePage(number: Int.max, values: whole),
            ProbePage(number: 0, values: whole + [0]), ProbePage(number: last, values: []),
        ]
        for page in wrong { #expect(!ProbeTable(positions: positions).restore([page]), "page \(page.number)") }
    }

    @Test("pages that claim answers beyond the last target do not spoil the count", arguments: chunks)
    func bitsBeyondTheEnd(positions: Range<UInt64>) {
        let table = ProbeTable(positions: positions)
        let words = positions.count / 32 + 1
        let pages = stride(from: 0, to: words, by: ProbePage.words).map { first in
            ProbePage(number: first / ProbePage.words, values: [UInt64](repeating: .max, count: min(ProbePage.words, words - first)))
        }
        #expect(table.restore(pages))
        Self.expectAgreement(table, Dictionary(uniqueKeysWithValues: positions.map { ($0, .filtered) }))
        #expect(table.nextSilent(from: positions.lowerBound, before: positions.upperBound) == nil)
    }
}
