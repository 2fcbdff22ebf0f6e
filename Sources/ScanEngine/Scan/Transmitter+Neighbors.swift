import ScanTargets
import Synchronization

/// The ways to the targets: who has which hardware address, and what becomes of routes while the run goes on.
extension Transmitter {
    /// How often it is looked whether a gateway or a route has changed; ns.
    private static let lookInterval: Int64 = 100_000_000

    /// Finds the hardware addresses of all targets on a link of this machine; the others are down. False when the run is stopped meanwhile.
    func resolveNeighbors() throws(EngineError) -> Bool {
        for lane in lanes where lane.needsNeighbors {
            guard try resolve(lane) else { return false }
        }
        reachable = Self.reachable(scope, lanes)
        ways = WayTable(Self.stretches(lanes), allowed: scope.current)
        return true
    }

    private func resolve(_ lane: Lane) throws(EngineError) -> Bool {
        let (interface, source) = (lane.path.interface, lane.path.source)
        var netlink = try Netlink()
        let fixed = KernelNeighbors.fixed(on: interface, source.family, &netlink)
        let socket = try NeighborSocket(interface, source: source)
        let asked = lane.destinations.intersection(scope.current)
        var sweep = NeighborSweep(socket, known: fixed, rate: books.rate.load(ordering: .relaxed))
        try sweep.run(asked) { (wait) throws(EngineError) in pauseForNeighbors(wait) }
        guard !books.isStopping else { return false }
        let found = sweep.found.filter { asked.contains($0.key) }
        lane.resolve(found)
        unresolved = unresolved.union(asked.subtracting(lane.destinations))
        return report(found, sweep.duplicates)
    }

    /// Waits while neighbours are asked for; false when the run is stopped.
    private func pauseForNeighbors(_ nanoseconds: Int64) -> Bool {
        repeat {
            telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
            if nanoseconds > 0 || brake.isOn { books.transmitWake.wait(nanoseconds: brake.isOn ? Self.lookInterval : nanoseconds) }
        } while brake.isOn && !books.isStopping
        return !books.isStopping
    }

    /// Reports neighbours that have answered as up, where that is wanted; false when the run is stopped on the way.
    private func report(_ found: [IPAddress: HardwareAddress], _ duplicates: [IPAddress: HardwareAddress]) -> Bool {
        let addresses = found.keys.sorted()
        let shares = found.values.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        for start in stride(from: 0, to: addresses.count, by: 4096) {
            guard hasRoom() else { return false }
            books.state.withLock { state in
                guard state.roll != nil else { return }
                sink.deliver(
                    addresses[start..<min(start + 4096, addresses.count)].compactMap { address in
                        state.roll?.note(address, .up) == true ? Self.neighbor(address, found[address], duplicates[address], shares) : nil
                    })
            }
        }
        return true
    }

    private static func neighbor(
        _ address: IPAddress, _ hardware: HardwareAddress?, _ second: HardwareAddress?, _ shares: [HardwareAddress: Int]
    )
        -> HostObservation
    {
        var observation = HostObservation(
            time: WallClock.microseconds(), address: address, state: .up,
            reason: address.family == .v4 ? .arpResponse : .neighborResponse)
        (observation.hardware, observation.secondHardware) = (hardware, second)
        observation.sharedBy = hardware.flatMap { shares[$0] }.flatMap { $0 > 1 ? $0 : nil }
        return observation
    }

    /// Counts the chunk's targets on neighbours that have not answered as down; false when the run is stopped on the way.
    func settleUnresolved() -> Bool {
        guard !unresolved.isEmpty else { return true }
        var position = table.positions.lowerBound
        while position < table.positions.upperBound {
            guard hasRoom() else { return false }
            let end = min(position + 65_536, table.positions.upperBound)
            var batch: [Observation] = []
            // Under the lock, so that a checkpoint has both or neither.
            books.state.withLock { state in
                while let next = table.nextSilent(from: position, before: end) {
                    position = next + 1
                    guard let target = space.target(at: permutation.index(at: next)), unresolved.contains(target.address),
                        table.settle(next, as: .filtered)
                    else { continue }
                    state.counters.down += 1
                    guard specification.recorded.contains(.down) else { continue }
                    batch.append(
                        Observation(
                            time: WallClock.microseconds(), address: target.address, port: target.port, state: .down,
                            reason: target.address.family == .v4 ? .noArpResponse : .noNeighborResponse))
                }
                position = end
                if !batch.isEmpty { sink.deliver(batch) }
            }
        }
        return true
    }

    /// Looks whether a gateway has another hardware address by now, and whether routes have changed. Throws when the targets are reached in
    /// another way now: the run must be made anew.
    func watchWays(_ round: Int, _ position: UInt64, _ now: Int64, isUrgent: Bool = false) throws(EngineError) {
        guard now >= nextLook else { return }
        nextLook = now + Self.lookInterval
        for lane in lanes {
            guard let gateway = lane.gateway, let doubtful = try gateway.look(now, isUrgent: isUrgent) else { continue }
            lane.follow(gateway)
            ways = WayTable(Self.stretches(lanes), allowed: scope.current)
            // What has left since it was right last may have gone to the old one.
            let from = books.sendLogs[round].position(at: doubtful) ?? books.state.withLock { $0.pass.start }
            noteLossy(from, until: position)
        }
        if routeWatch.hasChanged(now) { try checkRoutes() }
    }

    private func checkRoutes() throws(EngineError) {
        let start = SteadyClock.nanoseconds()
        let paths = try specification.replan()
        routeWatch.rest(after: SteadyClock.nanoseconds() - start)
        for lane in lanes where !paths.contains(where: { $0.isSameWay(as: lane.path) }) {
            throw EngineError(.unroutable, "The way to \(lane.path.destinations.ranges[0]) has changed: the job goes on by the new one.")
        }
    }
}
