import PacketIO
import ScanCore
import ScanTargets
import Synchronization

/// Targets that have said something that proves nothing are asked again from other ports.
extension Transmitter {
    /// Asks them as long as that can tell more and retries are left, the first time from the port of `attempt`; false when the run is stopped.
    func askSignsAgain(from attempt: Int) throws(EngineError) -> Bool {
        var attempt = attempt
        while attempt <= specification.retries {
            let targets = books.state.withLock { state in
                state.signsUntil = attempt
                return state.signs.open.filter { table.positions.contains($0) && table.state(at: $0) == nil }
            }
            guard !targets.isEmpty else { break }
            guard try ask(targets, from: firstPort &+ UInt16(attempt)) else { return false }
            attempt += 1
        }
        settleSigns()
        return true
    }

    /// Sends a probe to each, and waits for the answers; false when the run is stopped.
    private func ask(_ targets: [UInt64], from port: UInt16) throws(EngineError) -> Bool {
        var density = RateCaps.Density(of: specification.selection)
        density.targets = targets.count
        caps.begin(density)
        pacer.resume(now: SteadyClock.nanoseconds())
        var next = 0
        while next < targets.count {
            if books.isStopping { return false }
            let now = SteadyClock.nanoseconds()
            telemetry.transmitPulse.store(now, ordering: .relaxed)
            refreshScope(specification.retries, table.positions.upperBound)
            let permitted = brake.isOn ? 0 : min(pacer.permitted(now: now), caps.permitted(now: now))
            guard permitted > 0 else {
                books.transmitWake.wait(nanoseconds: min(max(pacer.delay(now: now), caps.delay, 100_000), Self.longestWait))
                continue
            }
            let batch = targets[next..<min(next + permitted, targets.count)]
            for target in batch { _ = add(target, from: port, at: target) }
            _ = try flush()
            next = batch.endIndex
            pacer.spend(batch.count, now: now)
            caps.spend(batch.count)
        }
        return awaitAnswers()
    }

    /// Enters what two signs each have told.
    private func settleSigns() {
        books.state.withLock { state in
            var (batch, hosts) = ([Observation](), [HostObservation]())
            for (position, sign) in state.signs.all {
                guard let reason = sign.reason, table.positions.contains(position), table.state(at: position) == nil,
                    let target = space.target(at: permutation.index(at: position)), table.settle(position, as: reason.state)
                else { continue }
                state.counters.count(reason.state)
                if state.roll?.note(target.address, .up) == true {
                    var host = HostObservation(time: sign.time, address: target.address, state: .up, reason: reason)
                    host.ttl = sign.timeToLive
                    hosts.append(host)
                }
                guard specification.recorded.contains(reason.state) else { continue }
                var observation = Observation(
                    time: sign.time, address: target.address, port: target.port, state: reason.state, reason: reason)
                (observation.ttl, observation.attempt, observation.interface) = (sign.timeToLive, sign.attempt, sign.interface)
                observation.isVerified = false
                batch.append(observation)
            }
            state.signs = Signs()
            if !hosts.isEmpty { sink.deliver(hosts) }
            if !batch.isEmpty { sink.deliver(batch) }
        }
    }
}
