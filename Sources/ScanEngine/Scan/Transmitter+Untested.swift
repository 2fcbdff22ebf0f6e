import PacketIO
import ScanCore
import ScanTargets
import Synchronization
import SystemPackage

/// How many hosts are missing on this machine's own links.
struct Neighborhood {
    /// Hosts that were found, and those that may be there and have not answered.
    private(set) var found = 0
    private(set) var missing = (low: 0.0, middle: 0.0, high: 0.0)
    private(set) var reachesGoal = true

    mutating func note(_ evidence: NeighborEvidence, goal: Double, seed: UInt64) {
        let more = evidence.missing(seed: seed)
        found += evidence.found
        missing = (missing.low + more.low, missing.middle + more.middle, missing.high + more.high)
        if !evidence.reaches(goal, seed: seed) { reachesGoal = false }
    }
}

/// What is not asked, and what is missing without having been asked.
extension Transmitter {
    // MARK: - Hosts on a link that have not been found

    /// How many open targets of the chunk are missing with the neighbours that are: as many as those that were found have, on average.
    func absentTargets() -> (low: Double, middle: Double, high: Double) {
        let missing = neighborhood.missing
        guard missing.high > 0, neighborhood.found > 0 else { return (0, 0, 0) }
        let mean = Double(openTargetsOnLinks()) / Double(neighborhood.found)
        let high = missing.high * mean
        return (missing.low * mean, missing.middle * mean, high + high.squareRoot())
    }

    private func openTargetsOnLinks() -> Int {
        let links = lanes.filter(\.needsNeighbors)
        var (count, looked) = (0, 0)
        var position = table.positions.lowerBound
        while let next = table.nextAnswered(from: position, before: table.positions.upperBound) {
            position = next + 1
            looked += 1
            if looked % 4096 == 0 { telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed) }
            guard table.state(at: next) == .open, let target = space.target(at: permutation.index(at: next)),
                links.contains(where: { $0.destinations.contains(target.address) })
            else { continue }
            count += 1
        }
        return count
    }

    /// Takes them into the estimate; under the lock.
    func noteAbsent(_ absent: (low: Double, middle: Double, high: Double), _ state: inout ScanBooks.State) {
        state.counters.missingLow += Int64(absent.low)
        state.counters.missingMiddle += Int64(absent.middle.rounded())
        state.counters.missingHigh += Int64(absent.high.rounded(.up))
        if !neighborhood.reachesGoal { state.counters.incompleteChunks += 1 }
    }

    // MARK: - Probes that the kernel does not take

    /// Targets that nothing was sent to because the kernel refused it are untested. Throws when the refusal means that the way there has changed.
    func settleRefused(_ refused: [Lane.Refused], by lane: Lane) throws(EngineError) {
        guard !refused.isEmpty else { return }
        telemetry.sendErrors.add(Int64(refused.count), ordering: .relaxed)
        for each in refused where Self.concernsRoutes(each.code) {
            telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
            guard RoutePlanner.stillLeads(lane.path, to: each.target.address, specification.narrowing, &netlink) else {
                throw EngineError(.unroutable, "The way to \(each.target.address) has changed: the job goes on by the new one.")
            }
        }
        let round = telemetry.round.load(ordering: .relaxed)
        books.state.withLock { state in
            var settlement = Settlement()
            for each in refused {
                guard let index = space.index(of: each.target), case let position = permutation.position(of: index),
                    table.positions.contains(position), wasNeverSent(position, each.target.address, round, state.omissions),
                    settleUntested(position, each.target, .sendRefused, &state, &settlement)
                else { continue }
                state.sendRefusals.note(each.target.address, each.code)
                _ = state.roll?.note(each.target.address, .leftOut)
            }
            deliver(settlement)
        }
    }

    /// Whether no round before this one has asked.
    private func wasNeverSent(_ position: UInt64, _ address: IPAddress, _ round: Int, _ omissions: Omissions) -> Bool {
        round == 0 ? !isRepeating : omissions.reason(inAll: round, of: position, at: address) != nil
    }

    /// What the kernel says where there is no way any more, or only one that swallows or forbids.
    private static func concernsRoutes(_ code: Errno) -> Bool {
        [.networkUnreachable, .noRouteToHost, .invalidArgument, .permissionDenied, .addressNotAvailable].contains(code)
    }

    /// Whether something that every sweep had to leave out can be asked by now.
    var mayAskLeftOut: Bool {
        let (omissions, sweeps) = books.state.withLock { ($0.omissions, $0.sweeps.count) }
        return !omissions.isEmpty && !omissions.leftOut(in: sweeps).intersection(reachable).isEmpty
    }

    /// Why rules or policies are in the way of this port; nil when they are not.
    func unreachedReason(_ address: IPAddress, _ port: UInt16) -> Reason? {
        unreachedPorts.first { $0.ports?.contains(port) == true && $0.addresses.contains(address) }?.cause.reason
    }

    /// These addresses by why they are left out, which scope and routes say.
    func omissions(of leftOut: AddressSet) -> [Omissions.Part] {
        let denied = leftOut.subtracting(scope.current)
        var rest = leftOut.subtracting(denied)
        var parts: [Reason: AddressSet] = [.excluded: denied]
        for each in unreached {
            let part = rest.intersection(each.addresses)
            parts[each.cause.reason] = parts[each.cause.reason]?.union(part) ?? part
            rest = rest.subtracting(part)
        }
        parts[.noRoute] = parts[.noRoute]?.union(rest) ?? rest
        return parts.map { Omissions.Part($0.value, $0.key) }
    }
}
