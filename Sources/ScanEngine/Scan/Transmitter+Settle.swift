import PacketIO
import ScanCore
import ScanTargets
import Synchronization

/// What stays silent in the end.
extension Transmitter {
    /// Settles what stayed silent and opens the next chunk; nil when this was the last, or when the run is stopped.
    func closeChunk() -> Place? {
        let absent = absentTargets()
        let evidence = finalEvidence()
        guard settleSilent(after: evidence.sweeps.count) else { return nil }
        let start = table.positions.upperBound
        let next = ProbeTable(positions: start..<min(start + ProbeTable.maximumPositions, space.count), only: specification.chosen)
        books.tally.clear()
        (slowHosts, slowController) = (SlowHosts(), nil)
        chunkSent = (0, 0)
        books.state.withLock { state in
            noteRecall(evidence, &state)
            noteAbsent(absent, &state)
            state.counters.filtered += Int64(table.silentCount)
            state.previous = table
            state.current = next
            state.omissions = Omissions()
            state.sweeps = []
            state.found = ScanBooks.SweepCount()
            state.recentAnswers = RecentAnswers()
            state.refusals = Refusals(positions: next.positions)
            (state.signs, state.signsUntil) = (Signs(), -1)
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
        var silent = Settlement()
        var position = table.positions.lowerBound
        while position < table.positions.upperBound, hasRoom() {
            let end = min(position + 65_536, table.positions.upperBound)
            // Under the lock no answer comes in between, so each target is counted once.
            books.state.withLock { state in
                while let next = table.nextSilent(from: position, before: end) {
                    position = next + 1
                    settle(next, omissions, sweeps, &state, &silent)
                }
                position = end
                deliver(silent)
            }
            silent.clear()
        }
        return position == table.positions.upperBound
    }

    /// What a look at silent targets tells the sink.
    struct Settlement {
        var observations: [Observation] = []
        var untested: [UInt64] = []

        mutating func clear() {
            observations.removeAll(keepingCapacity: true)
            untested.removeAll(keepingCapacity: true)
        }
    }

    /// Under the lock, so that a checkpoint has all of it or nothing.
    func deliver(_ settlement: Settlement) {
        if !settlement.untested.isEmpty { sink.leave(PositionSet(settlement.untested)) }
        if !settlement.observations.isEmpty { sink.deliver(settlement.observations) }
    }

    private func settle(
        _ position: UInt64, _ omissions: Omissions, _ sweeps: Int, _ state: inout ScanBooks.State, _ silent: inout Settlement
    ) {
        guard let target = space.target(at: permutation.index(at: position)) else { return }
        if let reason = omissions.reason(inAll: sweeps, of: position, at: target.address) {
            guard settleUntested(position, target, reason, &state, &silent) else { return }
            _ = state.roll?.note(target.address, .leftOut)
            return
        }
        // What has been counted stays as it is, whatever arrives later.
        _ = table.settle(position, as: .filtered)
        state.counters.filtered += 1
        report(target, .filtered, .noResponse, &silent)
    }

    /// Settles a target as untested for good; false when it has answered. Under the lock.
    func settleUntested(
        _ position: UInt64, _ target: Endpoint, _ reason: Reason, _ state: inout ScanBooks.State, _ silent: inout Settlement
    ) -> Bool {
        guard table.settle(position, as: .untested) else { return false }
        state.counters.untested += 1
        silent.untested.append(position)
        report(target, .untested, reason, &silent)
        return true
    }

    private func report(_ target: Endpoint, _ state: TargetState, _ reason: Reason, _ silent: inout Settlement) {
        guard specification.recorded.contains(state) else { return }
        silent.observations.append(
            Observation(time: WallClock.microseconds(), address: target.address, port: target.port, state: state, reason: reason))
    }
}
