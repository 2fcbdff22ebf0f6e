import ScanTargets
import Synchronization

/// Whole hosts: those that answer everything, and those of which nothing answers.
extension Transmitter {
    /// Looks after hosts with suspiciously many open ports; once a batch of the first pass.
    func watchFloods(_ now: Int64) {
        let seen = books.suspicions.load(ordering: .relaxed)
        if seen != suspicionsSeen {
            suspicionsSeen = seen
            takeSuspects()
        }
        guard !floods.suspects.isEmpty else { return }
        for address in floods.due(now, patience: books.answerTimeout * 1000) { judgeSuspect(address) }
    }

    /// The first pass is over: what it has asked must do.
    func judgeSuspects() {
        takeSuspects()
        for address in floods.suspects.keys { judgeSuspect(address) }
    }

    private func takeSuspects() {
        let suspected = books.state.withLock { state in
            defer { state.suspected = [] }
            return state.suspected
        }
        for address in suspected { floods.suspect(address) }
    }

    private func judgeSuspect(_ address: IPAddress) {
        let positions = floods.suspects[address]?.positions ?? []
        let (known, canaries) = books.state.withLock { ($0.openPorts.count(of: address), $0.canaries.canaries) }
        var (open, sampled) = (positions.count { table.state(at: $0) == .open }, positions.count)
        if sampled < FloodWatch.leastSample { (open, sampled) = (known, space.portCount(of: address)) }
        let answering = canaries.sent >= 20 ? Double(canaries.answered) / Double(canaries.sent) : 1
        guard floods.judge(address, open: open, sampled: sampled, answering: answering) else { return }
        var observation = HostObservation(time: WallClock.microseconds(), address: address, state: .answersEverything, reason: .synAck)
        observation.flood = HostObservation.Flood(openPorts: known, sampled: sampled, sampledOpen: open)
        books.state.withLock { state in
            state.floodedHosts += 1
            sink.deliver([observation])
        }
    }

    /// What the last batch has left out because its host answers everything is untested.
    func settleLeftOut() {
        guard !leftOut.isEmpty else { return }
        books.state.withLock { state in
            for position in leftOut where table.settle(position, as: .filtered) { state.counters.untested += 1 }
        }
        leftOut.removeAll(keepingCapacity: true)
    }

    /// Reports every host of which nothing has answered, where that is wanted; false when the run is stopped on the way. Those that may not be
    /// probed at present are left out.
    func reportDown() -> Bool {
        guard let roll = books.state.withLock({ $0.roll }) else { return true }
        var batch: [HostObservation] = []
        for offset in 0..<UInt64(clamping: roll.addresses.count) {
            if offset % 4096 == 0, !hasRoom() { return false }
            guard case let sign = roll.sign(at: offset), sign != .up, let address = roll.addresses.address(at: offset),
                reachable.contains(address)
            else { continue }
            batch.append(
                HostObservation(
                    time: WallClock.microseconds(), address: address, state: .down,
                    reason: sign == .unreachable ? .hostUnreachable : .noResponse))
            guard batch.count == 4096 else { continue }
            sink.deliver(batch)
            batch.removeAll(keepingCapacity: true)
        }
        if !batch.isEmpty { sink.deliver(batch) }
        return true
    }

    /// Waits until the sink takes more; false when the run is stopped.
    func hasRoom() -> Bool {
        telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
        while sink.isFull, !books.isStopping {
            books.transmitWake.wait(nanoseconds: 1_000_000)
            telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
        }
        return !books.isStopping
    }
}
