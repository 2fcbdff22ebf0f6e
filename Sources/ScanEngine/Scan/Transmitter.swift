import CLinux
import ScanTargets
import Synchronization

/// The transmit thread's loop: chunk by chunk, round by round, over what is still silent.
final class Transmitter: @unchecked Sendable {
    // Unchecked: after the initialiser only the transmit thread touches the unprotected parts; `telemetry` is atomic.
    private let specification: ScanSpecification
    private let space: ProbeSpace
    private let permutation: Permutation
    private let books: ScanBooks
    private let lanes: [Lane]
    private let firstPort: UInt16
    private let scope: ScopeGuard
    private let sink: any ObservationSink
    private let telemetry: ScanTelemetry
    private let brake: Brake

    private var table: ProbeTable
    private var pacer: Pacer
    private var rate: Double
    /// The job's addresses that may be probed at present and to which a path leads, and of which version of the scope.
    private var reachable: AddressSet
    private var scopeVersion: Int
    /// When this round's last probe left; 0 when it has sent none, and there is nothing to wait for.
    private var lastSent: Int64 = 0

    /// However slow the rate, the thread looks around that often; ns.
    private static let longestWait: Int64 = 1_000_000_000

    /// Where a run goes on.
    struct Place {
        var round: Int
        var position: UInt64
    }

    enum Outcome {
        case finished
        case stopped(Place)
    }

    init(
        _ specification: ScanSpecification, space: ProbeSpace, permutation: Permutation, books: ScanBooks, table: ProbeTable, lanes: [Lane],
        ports: SourcePortBlock, scope: ScopeGuard, brake: Brake, sink: any ObservationSink
    ) {
        self.specification = specification
        self.space = space
        self.permutation = permutation
        self.books = books
        self.table = table
        self.lanes = lanes
        self.scope = scope
        self.sink = sink
        self.brake = brake
        telemetry = books.telemetry
        firstPort = ports.first
        rate = books.rate.load(ordering: .relaxed)
        pacer = Pacer(rate: rate, batch: FrameBatch.capacity, now: SteadyClock.nanoseconds())
        scopeVersion = scope.currentVersion
        reachable = Self.reachable(scope, lanes)
    }

    private static func reachable(_ scope: ScopeGuard, _ lanes: [Lane]) -> AddressSet {
        lanes.reduce(AddressSet()) { $0.union($1.destinations) }.intersection(scope.current)
    }

    /// Goes through all chunks from `place` on, which lies in the table's chunk.
    func run(from place: Place) throws(EngineError) -> Outcome {
        // The default slack of 50 µs would show as bursts.
        _ = clinux_set_timer_slack(1)
        var place = place
        while true {
            if let stopped = try rounds(from: place) { return .stopped(stopped) }
            guard let next = closeChunk() else {
                return books.isStopping && !isThrough ? .stopped(endOfRounds) : .finished
            }
            place = next
        }
    }

    /// All rounds of a chunk; the place to go on from when the run is stopped, nil when the chunk is through.
    private func rounds(from place: Place) throws(EngineError) -> Place? {
        var place = place
        while place.round <= specification.retries {
            telemetry.round.store(place.round, ordering: .relaxed)
            books.state.withLock { state in
                state.counters.rounds = max(state.counters.rounds, Int64(place.round) + 1)
                state.pass = (place.round, place.position)
            }
            if let position = try pass(place) { return rewound(place.round, position) }
            guard awaitAnswers() else { return rewound(place.round, table.positions.upperBound) }
            if table.silentCount == 0 { return nil }
            place = Place(round: place.round + 1, position: table.positions.lowerBound)
        }
        return nil
    }

    /// Sends one probe to each silent target from `place` on; the position reached when the run is stopped.
    private func pass(_ place: Place) throws(EngineError) -> UInt64? {
        let end = table.positions.upperBound
        let log = books.sendLogs[place.round]
        let sourcePort = firstPort &+ UInt16(truncatingIfNeeded: place.round)
        var position = place.position
        lastSent = 0
        noteOmissions(place.round, position)
        pacer.resume(now: SteadyClock.nanoseconds())
        while let next = table.nextSilent(from: position, before: end) {
            position = next
            if books.isStopping { return position }
            refreshScope(place.round, position)
            let now = SteadyClock.nanoseconds()
            telemetry.transmitPulse.store(now, ordering: .relaxed)
            refreshRate(now)
            let isHeld = brake.isOn || sink.isFull
            let permitted = isHeld ? 0 : pacer.permitted(now: now)
            guard permitted > 0 else {
                // While it is held the pacer may owe probes: look again shortly.
                let delay = max(pacer.delay(now: now), isHeld ? 1_000_000 : 0)
                books.transmitWake.wait(nanoseconds: min(delay, Self.longestWait))
                continue
            }
            log.note(position, at: WallClock.microseconds())
            let added = fill(permitted, &position, end, sourcePort)
            if let dropped = try flush() { position = dropped }
            pacer.spend(added, now: now)
            telemetry.position.store(position, ordering: .relaxed)
            telemetry.observe(now, probes: added)
        }
        return nil
    }

    /// Puts up to `count` probes into the lanes, moving `position` behind the last; returns how many.
    private func fill(_ count: Int, _ position: inout UInt64, _ end: UInt64, _ sourcePort: UInt16) -> Int {
        var added = 0
        // Skipped targets need no permission, but the clock and the stop flag must be looked at now and then.
        var looked = 0
        while added < count, looked < 4096, let next = table.nextSilent(from: position, before: end) {
            looked += 1
            position = next + 1
            guard let target = space.target(at: permutation.index(at: next)), let lane = lane(for: target.address),
                let destination = target.address.v4
            else { continue }
            lane.add(next, destination, port: target.port, from: sourcePort)
            added += 1
            if lane.isFull { break }
        }
        return added
    }

    /// The lane that `address` goes by, nil when it may not or cannot be probed.
    @inline(__always)
    private func lane(for address: IPAddress) -> Lane? {
        guard reachable.contains(address) else { return nil }
        for lane in lanes where lane.destinations.contains(address) { return lane }
        return nil
    }

    /// Takes over a new scope from `position` on.
    private func refreshScope(_ round: Int, _ position: UInt64) {
        let version = scope.currentVersion
        guard version != scopeVersion else { return }
        scopeVersion = version
        reachable = Self.reachable(scope, lanes)
        noteOmissions(round, position)
    }

    private func noteOmissions(_ round: Int, _ position: UInt64) {
        let leftOut = specification.selection.addresses.subtracting(reachable)
        let rest = position..<table.positions.upperBound
        books.state.withLock { $0.omissions.begin(round, rest, leavingOut: leftOut) }
    }

    private func refreshRate(_ now: Int64) {
        let current = books.rate.load(ordering: .relaxed)
        guard current != rate else { return }
        rate = current
        pacer.change(rate: rate, now: now)
    }

    /// Sends what is in the lanes. Where the kernel has no room it waits, but not over a halt, a new scope or a stop: what has not left then
    /// is dropped, and the position to go on from is returned.
    private func flush() throws(EngineError) -> UInt64? {
        var dropped: UInt64?
        for lane in lanes where lane.pending > 0 {
            let sent = dropped == nil ? try lane.flush(whileBusy: mayGoOn) : lane.drop()
            if let position = sent.dropped { dropped = min(dropped ?? position, position) }
            telemetry.probesSent.add(Int64(sent.probes), ordering: .relaxed)
            telemetry.sendErrors.add(Int64(sent.refused), ordering: .relaxed)
            lastSent = SteadyClock.nanoseconds()
        }
        return dropped
    }

    /// Waits a moment; false when frames made before may no longer leave.
    private func mayGoOn() -> Bool {
        books.transmitWake.wait(nanoseconds: 200_000)
        telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
        return !brake.isOn && !books.isStopping && scope.currentVersion == scopeVersion
    }

    /// Waits until all targets of the chunk have answered or the last probe's time is up; false when the run is stopped.
    private func awaitAnswers() -> Bool {
        var isCaughtUp = false
        while table.silentCount > 0 {
            if books.isStopping { return false }
            telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
            // The time-out follows the answers that come in meanwhile.
            let rest = lastSent + books.answerTimeout * 1000 - SteadyClock.nanoseconds()
            if rest > 0 {
                books.transmitWake.wait(nanoseconds: min(rest, 50_000_000))
            } else {
                if isCaughtUp { return true }
                books.awaitCapture()
            }
            isCaughtUp = rest <= 0
        }
        return true
    }

    /// A place from which no probe is missing whose answer may still be on its way.
    private func rewound(_ round: Int, _ position: UInt64) -> Place {
        let pass = books.state.withLock { $0.pass }
        return Place(round: round, position: min(books.safePosition(pass), position))
    }

    /// Whether every target of the job is in the books.
    private var isThrough: Bool {
        books.state.withLock { $0.current.positions.lowerBound == space.count }
    }

    private var endOfRounds: Place {
        Place(round: specification.retries, position: table.positions.upperBound)
    }

    /// Settles what stayed silent and opens the next chunk; nil when this was the last, or when the run is stopped.
    private func closeChunk() -> Place? {
        guard settleSilent() else { return nil }
        let start = table.positions.upperBound
        let next = ProbeTable(positions: start..<min(start + ProbeTable.maximumPositions, space.count))
        books.state.withLock { state in
            state.counters.filtered += Int64(table.silentCount)
            state.previous = table
            state.current = next
            state.omissions = Omissions()
            state.pass = (0, start)
        }
        guard start < space.count else { return nil }
        table = next
        return Place(round: 0, position: start)
    }

    /// Looks at each silent target, where silence may not simply be counted as filtered: those that were left out in each round are untested,
    /// or each filtered one is to be reported. False when the run was stopped on the way.
    private func settleSilent() -> Bool {
        let omissions = books.state.withLock { $0.omissions }
        guard !omissions.isEmpty || specification.recorded.contains(.filtered) else { return true }
        var batch: [Observation] = []
        var position = table.positions.lowerBound
        while position < table.positions.upperBound, !books.isStopping {
            while sink.isFull, !books.isStopping {
                books.transmitWake.wait(nanoseconds: 1_000_000)
                telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
            }
            telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
            let end = min(position + 65_536, table.positions.upperBound)
            // Under the lock no answer comes in between, so each target is counted once.
            books.state.withLock { state in
                while let next = table.nextSilent(from: position, before: end) {
                    position = next + 1
                    settle(next, omissions, &state.counters, &batch)
                }
                position = end
                if !batch.isEmpty { sink.deliver(batch) }
            }
            batch.removeAll(keepingCapacity: true)
        }
        return position == table.positions.upperBound
    }

    private func settle(_ position: UInt64, _ omissions: Omissions, _ counters: inout ScanCounters, _ batch: inout [Observation]) {
        // What has been counted stays as it is, whatever arrives later.
        _ = table.settle(position, as: .filtered)
        guard let target = space.target(at: permutation.index(at: position)),
            !omissions.wereAll(specification.retries + 1, of: position, at: target.address)
        else {
            counters.untested += 1
            return
        }
        counters.filtered += 1
        guard specification.recorded.contains(.filtered) else { return }
        batch.append(
            Observation(
                time: WallClock.microseconds(), address: target.address, port: target.port, state: .filtered, reason: .noResponse))
    }
}
