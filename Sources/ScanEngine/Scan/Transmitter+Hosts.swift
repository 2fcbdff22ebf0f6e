import PacketIO
import ScanCore
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
        let time = now - books.answerTimeout * 1000
        let due = floods.takeDue(sentBefore: time)
        if !due.isEmpty { judge(due, sentBefore: time) }
    }

    /// The first pass is over: what it has asked must do.
    func judgeSuspects() {
        takeSuspects()
        judge(Array(floods.suspects.keys), sentBefore: .max)
    }

    private func judge(_ suspects: [IPAddress], sentBefore time: Int64) {
        guard !suspects.isEmpty else { return }
        let canaries = books.state.withLock { $0.canaries.canaries(sentBefore: time) }
        let answering = canaries.sent >= 20 ? Double(canaries.answered) / Double(canaries.sent) : 1
        for address in suspects {
            telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
            judge(address, answering: answering)
        }
    }

    private func takeSuspects() {
        let suspected = books.state.withLock { state in
            defer { state.suspected = [] }
            return state.suspected
        }
        for address in suspected { floods.suspect(address) }
    }

    private func judge(_ address: IPAddress, answering: Double) {
        let positions = floods.suspects[address]?.positions ?? []
        let known = books.state.withLock { $0.openPorts.count(of: address) }
        var (open, sampled) = (positions.count { table.state(at: $0) == .open }, positions.count)
        if sampled < FloodWatch.leastSample { (open, sampled) = (known, space.portCount(of: address)) }
        guard floods.judge(address, open: open, sampled: sampled, answering: answering) else { return }
        var observation = HostObservation(time: WallClock.microseconds(), address: address, state: .answersEverything, reason: .synAck)
        observation.flood = HostObservation.Flood(openPorts: known, sampled: sampled, sampledOpen: open)
        books.state.withLock { state in
            state.floodedHosts += 1
            sink.deliver([observation])
        }
    }

    /// What the last batch has left out, because rules are in the way or because its host answers everything, is untested.
    func settleLeftOut() {
        guard !leftOut.isEmpty else { return }
        var settlement = Settlement()
        books.state.withLock { state in
            for position in leftOut {
                guard let target = space.target(at: permutation.index(at: position)) else { continue }
                let reason = unreachedReason(target.address, target.port) ?? .answersEverything
                _ = settleUntested(position, target, reason, &state, &settlement)
            }
            deliver(settlement)
        }
        leftOut.removeAll(keepingCapacity: true)
    }

    /// Reports every host of which nothing has answered, where that is wanted; false when the run is stopped on the way. Those that were left out
    /// with one of their targets, or may not be probed at present, are not.
    func reportDown() -> Bool {
        guard let addresses = books.state.withLock({ $0.roll?.addresses }) else { return true }
        let count = UInt64(clamping: addresses.count)
        for start in stride(from: 0, to: count, by: 4096) {
            guard hasRoom() else { return false }
            // Under the lock no host comes up in between.
            books.state.withLock { state in
                sink.deliver((start..<min(start + 4096, count)).compactMap { down(at: $0, state.roll, addresses) })
            }
        }
        return true
    }

    private func down(at offset: UInt64, _ roll: HostRoll?, _ addresses: AddressSet) -> HostObservation? {
        guard let sign = roll?.sign(at: offset), sign == .silent || sign == .unreachable, let address = addresses.address(at: offset),
            case let isMissing = unresolved.contains(address), isMissing || reachable.contains(address)
        else { return nil }
        let silence: Reason = !isMissing ? .noResponse : address.family == .v4 ? .noArpResponse : .noNeighborResponse
        return HostObservation(
            time: WallClock.microseconds(), address: address, state: .down, reason: sign == .unreachable ? .hostUnreachable : silence)
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
