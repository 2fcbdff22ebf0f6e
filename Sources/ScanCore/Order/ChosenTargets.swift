/// The part of a selection that a job is about, by the positions in its order: what another job of the same selection and key has left untested.
package struct ChosenTargets: Sendable, Equatable {
    /// In order; each lies in one chunk, and all before `tail`.
    package var sets: [PositionSet]
    /// From here on, every position.
    package var tail: UInt64

    package init(sets: [PositionSet], tail: UInt64) {
        self.sets = sets
        self.tail = tail
    }

    /// How many targets these are, of a selection with `all`.
    package func count(of all: UInt64) -> UInt64 { count(of: all, from: 0) }

    /// How many of them lie in the chunks from `start` on.
    package func count(of all: UInt64, from start: UInt64) -> UInt64 {
        sets.reduce(all - min(all, max(tail, start))) { $0 + ($1.span.lowerBound >= start ? $1.count : 0) }
    }

    /// The first position; `tail` when there is none before.
    package var first: UInt64 { sets.first { $0.count > 0 }?.span.lowerBound ?? tail }

    /// Calls `body` with each run of positions in `range`, in order.
    package func eachRun(in range: Range<UInt64>, _ body: (Range<UInt64>) -> Void) {
        for set in sets where set.span.overlaps(range) {
            set.eachRun { run in
                let clamped = run.clamped(to: range)
                if !clamped.isEmpty { body(clamped) }
            }
        }
        if tail < range.upperBound { body(max(tail, range.lowerBound)..<range.upperBound) }
    }
}
