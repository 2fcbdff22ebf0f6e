import PacketIO
import ScanCore
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
        rebuildWays()
        return true
    }

    /// Takes over the scope and the neighbours as they are now. Each part takes some tens of milliseconds where there are 100,000 of both.
    func rebuildWays() {
        reachable = Self.reachable(scope, lanes)
        telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
        ways = WayTable(Self.stretches(lanes), allowed: scope.current)
        telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
    }

    private func resolve(_ lane: Lane) throws(EngineError) -> Bool {
        let (interface, source) = (lane.path.interface, lane.path.source)
        var netlink = try Netlink()
        let fixed = KernelNeighbors.fixed(on: interface, source.family, &netlink)
        let socket = try NeighborSocket(interface, source: source)
        let asked = lane.destinations.intersection(scope.current)
        let start = SteadyClock.nanoseconds()
        while true {
            var sweep = NeighborSweep(socket, asked, known: fixed, goal: hasCanaries ? specification.recall : nil, seed: seed)
            try sweep.run(surroundings)
            guard !books.isStopping else { return false }
            if sweep.found.isEmpty, hasAnswered(asked) {
                // Hosts that were there a while ago do not all go at once: it is the link.
                books.meet("no neighbour on \(interface.name) answers any more")
                let elapsed = SteadyClock.nanoseconds() - start
                guard elapsed < Int64(specification.giveUp) * 1_000_000_000 else { throw EngineError(.silence, silenceWords) }
                guard pauseForNeighbors(min(max(1_000_000_000, elapsed / 4), 15_000_000_000)) else { return false }
                continue
            }
            books.meet(nil)
            lane.resolve(sweep.found)
            if hasCanaries, let goal = specification.recall { neighborhood.note(sweep.evidence, goal: goal, seed: seed) }
            unresolved = unresolved.union(asked.subtracting(lane.destinations).intersection(scope.current))
            return report(sweep.found, sweep.duplicates)
        }
    }

    /// Asks the neighbours once more for their hardware addresses, which may be others by now; whether any of them answers on each link.
    func askNeighborsAgain() throws(EngineError) -> Bool {
        var isAlive = true
        for lane in lanes where lane.needsNeighbors {
            var netlink = try Netlink()
            let fixed = KernelNeighbors.fixed(on: lane.path.interface, lane.path.source.family, &netlink)
            let asked = lane.destinations.intersection(scope.current)
            let socket = try NeighborSocket(lane.path.interface, source: lane.path.source)
            // Who is there is known: the fewest turns must do.
            var sweep = NeighborSweep(socket, asked, known: fixed, goal: nil, seed: seed)
            try sweep.run(surroundings)
            lane.follow(sweep.found)
            isAlive = isAlive && !sweep.found.isEmpty
        }
        ways = WayTable(Self.stretches(lanes), allowed: scope.current)
        return isAlive
    }

    private var surroundings: NeighborSweep.Surroundings {
        NeighborSweep.Surroundings(
            pause: { [self] in pauseForNeighbors($0) }, mayAsk: { [scope] in scope.current.contains($0) },
            rate: { [books] in books.rate.load(ordering: .relaxed) },
            noteBlockade: { [books] isBlocked in
                books.meet(isBlocked ? "the interface takes no packets: its cable or its other end is missing" : nil)
            })
    }

    /// Whether some target among these addresses has answered before.
    private func hasAnswered(_ addresses: AddressSet) -> Bool {
        canaries.next(64, table).contains { position in
            space.target(at: permutation.index(at: position)).map { addresses.contains($0.address) } == true
        }
    }

    /// Whether a target that has answered before can be asked.
    var canAskAgain: Bool {
        canaries.next(64, table).contains { position in
            space.target(at: permutation.index(at: position)).map { ways.view.way(for: $0.address).lane >= 0 } == true
        }
    }

    /// Waits while neighbours are asked for; false when the run is stopped.
    private func pauseForNeighbors(_ nanoseconds: Int64) -> Bool {
        let end = SteadyClock.nanoseconds() + nanoseconds
        while !books.isStopping {
            let now = SteadyClock.nanoseconds()
            telemetry.transmitPulse.store(now, ordering: .relaxed)
            guard brake.isOn || now < end else { return true }
            books.transmitWake.wait(nanoseconds: brake.isOn ? Self.lookInterval : min(end - now, Self.longestWait))
        }
        return false
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
        guard now >= nextLook, !brake.isOn else { return }
        nextLook = now + Self.lookInterval
        for lane in lanes {
            guard let gateway = lane.gateway, let doubtful = try gateway.look(now, isUrgent: isUrgent) else { continue }
            lane.follow(gateway)
            ways = WayTable(Self.stretches(lanes), allowed: scope.current)
            // What has left since it was right last may have gone to the old one.
            let from = books.sendLogs[round].position(at: doubtful) ?? books.state.withLock { $0.pass.start }
            noteLossy(from, until: position)
        }
        try checkRoutes(now)
    }

    private func checkRoutes(_ now: Int64) throws(EngineError) {
        if let (result, effort) = routeLook.take() {
            routeWatch.rest(after: effort)
            switch result {
            case .same: break
            case .changed(let addresses):
                throw EngineError(.unroutable, "The way to \(addresses) has changed: the job goes on by the new one.")
            case .failed(let error): throw error
            }
        }
        let isTurnOfSilent = routeLook.hasSilentGateways && now - silentAsked > Self.silentInterval
        guard !routeLook.isBusy, routeWatch.hasChanged(now) || isTurnOfSilent else { return }
        if isTurnOfSilent { silentAsked = now }
        try routeLook.begin(asksSilent: isTurnOfSilent)
    }

    /// A look that is under way says whether what was sent went the right way: waits for it.
    func finishLooks(_ round: Int, _ position: UInt64) throws(EngineError) {
        let start = SteadyClock.nanoseconds()
        repeat {
            nextLook = 0
            try watchWays(round, position, SteadyClock.nanoseconds())
            telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
            if routeLook.isBusy { books.transmitWake.wait(nanoseconds: 2_000_000) }
        } while routeLook.isBusy && !routeLook.asksSilent && !books.isStopping && SteadyClock.nanoseconds() - start < Self.patienceWithLook
    }

    private static let patienceWithLook: Int64 = 10_000_000_000
    /// How often gateways that did not answer are asked again; ns.
    private static let silentInterval: Int64 = 3_000_000_000
}
