import ScanTargets
import Synchronization

/// What stays silent in the end.
extension Transmitter {
    /// Settles what stayed silent and opens the next chunk; nil when this was the last, or when the run is stopped.
    func closeChunk() -> Place? {
        let evidence = finalEvidence()
        guard settleSilent(after: evidence.sweeps.count) else { return nil }
        let start = table.positions.upperBound
        let next = ProbeTable(positions: start..<min(start + ProbeTable.maximumPositions, space.count))
        books.tally.clear()
        (slowHosts, slowController) = (SlowHosts(), nil)
        books.state.withLock { state in
            noteRecall(evidence, &state)
            state.counters.filtered += Int64(table.silentCount)
            state.previous = table
            state.current = next
            state.omissions = Omissions()
            state.sweeps = []
            state.found = ScanBooks.SweepCount()
            state.recentAnswers = RecentAnswers()
            state.refusals = Refusals(positions: next.positions)
            state.pass = (0, start)
        }
        guard start < space.count else { return nil }
        table = next
        return Place(round: 0, position: start)
    }

    /// Looks at each silent target, where silence may not simply be counted as filtered: those that were left out in each of the sweeps are
    /// untested, or each filtered one is to be reported. False when the run was stopped on the way.
    private func settleSilent(after sweeps: Int) -> Bool {
        let omissions = books.state.withLock { $0.omissions }
        guard !omissions.isEmpty || specification.recorded.contains(.filtered) else { return true }
        var batch: [Observation] = []
        var position = table.positions.lowerBound
        while position < table.positions.upperBound, hasRoom() {
            let end = min(position + 65_536, table.positions.upperBound)
            // Under the lock no answer comes in between, so each target is counted once.
            books.state.withLock { state in
                while let next = table.nextSilent(from: position, before: end) {
                    position = next + 1
                    settle(next, { omissions.wereAll(sweeps, of: next, at: $0) }, &state, &batch)
                }
                position = end
                if !batch.isEmpty { sink.deliver(batch) }
            }
            batch.removeAll(keepingCapacity: true)
        }
        return position == table.positions.upperBound
    }

    private func settle(
        _ position: UInt64, _ wasLeftOut: (IPAddress) -> Bool, _ state: inout ScanBooks.State, _ batch: inout [Observation]
    ) {
        _ = table.settle(position, as: .filtered)
        guard let target = space.target(at: permutation.index(at: position)) else { return }
        guard !wasLeftOut(target.address) else {
            state.counters.untested += 1
            _ = state.roll?.note(target.address, .leftOut)
            return
        }
        state.counters.filtered += 1
        guard specification.recorded.contains(.filtered) else { return }
        batch.append(
            Observation(
                time: WallClock.microseconds(), address: target.address, port: target.port, state: .filtered, reason: .noResponse))
    }
}
