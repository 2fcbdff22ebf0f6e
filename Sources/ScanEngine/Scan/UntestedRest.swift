package import PacketIO
package import ScanCore
package import ScanTargets

/// What the runs of a job have left when it ended before its time: the targets of which nothing is known, in the job's order.
package struct UntestedRest: Sendable {
    private let space: ProbeSpace
    private let permutation: Permutation
    private let chosen: ChosenTargets?
    /// The chunk that is looked at; those before it are over.
    private var table: ProbeTable
    private var position: UInt64

    /// `checkpoint` is where the job stood, nil where it had not begun; `answered` are the targets that were found after that. Throws when the
    /// checkpoint is none of this job's.
    package init(
        _ selection: TargetSelection, key: ScanKey, chosen: ChosenTargets?, checkpoint: ScanCheckpoint?,
        answered: [(target: Endpoint, state: TargetState)]
    ) throws(EngineError) {
        guard let space = ProbeSpace(selection) else { throw EngineError(.internalFault, "The job has no targets.") }
        let start = checkpoint?.chunkStart ?? 0
        guard start < space.count else { throw EngineError(.internalFault, "The stored checkpoint lies outside the job.") }
        let permutation = Permutation(count: space.count, key: key)
        table = ProbeTable(positions: start..<min(start + ProbeTable.maximumPositions, space.count), only: chosen)
        if let checkpoint, !table.restore(checkpoint.pages) {
            throw EngineError(.internalFault, "The stored checkpoint does not fit the job.")
        }
        for (target, state) in answered {
            guard let position = space.index(of: target).map({ permutation.position(of: $0) }), table.positions.contains(position) else {
                continue
            }
            _ = table.settle(position, as: state)
        }
        self.space = space
        self.permutation = permutation
        self.chosen = chosen
        position = start
    }

    /// The rest of a job that has come to its end: nothing.
    package init(ended selection: TargetSelection, key: ScanKey, chosen: ChosenTargets?) throws(EngineError) {
        guard let space = ProbeSpace(selection) else { throw EngineError(.internalFault, "The job has no targets.") }
        permutation = Permutation(count: space.count, key: key)
        table = ProbeTable(positions: space.count..<space.count)
        self.space = space
        self.chosen = chosen
        position = space.count
    }

    /// The next targets, at most `most` of them and fewer where they are far apart; nil behind the last.
    package mutating func next(_ most: Int) -> [Endpoint]? {
        var targets: [Endpoint] = []
        while targets.isEmpty {
            if position >= table.positions.upperBound {
                guard position < space.count else { return nil }
                table = ProbeTable(positions: position..<min(position + ProbeTable.maximumPositions, space.count), only: chosen)
            }
            while targets.count < most, let next = table.nextSilent(from: position, before: table.positions.upperBound) {
                position = next + 1
                if let target = space.target(at: permutation.index(at: next)) { targets.append(target) }
            }
            if targets.count < most { position = table.positions.upperBound }
        }
        return targets
    }

    /// The rest, before `next` was asked for, together with what the runs have settled as untested in a range of positions.
    package func chosen(with untested: (Range<UInt64>) throws -> [PositionSet]) rethrows -> ChosenTargets {
        var sets: [PositionSet] = []
        var start: UInt64 = 0
        while start < table.positions.upperBound {
            let chunk = start..<min(start + ProbeTable.maximumPositions, space.count)
            let left = try untested(chunk)
            let isOver = chunk.upperBound <= table.positions.lowerBound
            if !isOver || !left.isEmpty {
                let set = Self.union(left, isOver ? nil : table, in: chunk)
                if set.count > 0 { sets.append(set) }
            }
            start = chunk.upperBound
        }
        guard let chosen else { return ChosenTargets(sets: sets, tail: table.positions.upperBound) }
        return ChosenTargets(
            sets: sets + chosen.sets.filter { $0.span.lowerBound >= start }, tail: max(chosen.tail, table.positions.upperBound))
    }

    /// The positions of `chunk` that are in one of the sets, or silent in the table.
    private static func union(_ sets: [PositionSet], _ table: ProbeTable?, in chunk: Range<UInt64>) -> PositionSet {
        var bits = [UInt64](repeating: 0, count: (chunk.count + 63) / 64)
        func note(_ position: UInt64) { bits[Int((position - chunk.lowerBound) / 64)] |= 1 << ((position - chunk.lowerBound) % 64) }
        for set in sets {
            set.eachRun { for position in $0.clamped(to: chunk) { note(position) } }
        }
        if let table {
            var position = chunk.lowerBound
            while let next = table.nextSilent(from: position, before: chunk.upperBound) {
                note(next)
                position = next + 1
            }
        }
        var runs = RunWriter()
        for (word, value) in bits.enumerated() {
            var rest = value
            while rest != 0 {
                let first = chunk.lowerBound + UInt64(word * 64 + rest.trailingZeroBitCount)
                let length = min(UInt64((~(rest >> rest.trailingZeroBitCount)).trailingZeroBitCount), chunk.upperBound - first)
                runs.append(first..<first + length)
                let taken = UInt64(rest.trailingZeroBitCount) + length
                rest = taken >= 64 ? 0 : rest & (UInt64.max << taken)
            }
        }
        return runs.finish()
    }
}
