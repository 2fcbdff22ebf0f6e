import PacketIO
import ScanCore
import ScanTargets
import Synchronization

/// The capture thread's loop: packets → verified replies → the books and the sink.
final class Receiver: @unchecked Sendable {
    // Unchecked: after the initialiser only the capture thread touches what can change here.
    private var captures: RunCaptures
    let books: ScanBooks
    let space: ProbeSpace
    let permutation: Permutation
    let cookies: ProbeCookie
    let ports: ClosedRange<UInt16>
    let attempts: UInt16
    private let recorded: Set<TargetState>
    private let sink: any ObservationSink
    private var found: [Observation] = []
    private var hosts: [HostObservation] = []
    private var lastCheckpoint = SteadyClock.nanoseconds()

    /// Packets taken between two looks at the clock and the other interfaces.
    private static let batch = 4096
    /// Nanoseconds between checkpoints.
    private static let checkpointInterval: Int64 = 1_000_000_000

    init(
        captures: RunCaptures, books: ScanBooks, space: ProbeSpace, permutation: Permutation, specification: ScanSpecification,
        ports: SourcePortBlock, sink: any ObservationSink
    ) {
        self.captures = captures
        self.books = books
        self.space = space
        self.permutation = permutation
        self.sink = sink
        cookies = ProbeCookie(key: specification.key)
        recorded = specification.recorded
        self.ports = ports.first...ports.first + (SourcePortBlock.size - 1)
        attempts = UInt16(specification.retries) + 1
        found.reserveCapacity(Self.batch)
    }

    /// Runs until the books say that the capture ends.
    func run() {
        var waiting = WaitSet(captures.ears.map(\.capture.descriptor) + [books.captureWake.descriptor])
        do {
            while !books.isCaptureEnding {
                waiting.wait(nanoseconds: 100_000_000)
                books.captureWake.clear()
                let start = SteadyClock.nanoseconds()
                try drainAll()
                books.telemetry.takenUntil.store(start, ordering: .relaxed)
                books.noteCaptureTurn()
                keepCheckpoint()
            }
            try drainAll()
        } catch {
            books.state.withLock { $0.captureFault = error }
            books.stop()
        }
        let drops = captures.ears.reduce(0) { $0 + $1.capture.drops }
        books.state.withLock { $0.counters.captureDrops += drops }
    }

    /// Lets the captures go, once the thread has ended.
    func giveCaptures(to reserve: CaptureReserve) {
        captures.give(to: reserve)
    }

    private func drainAll() throws(EngineError) {
        for ear in captures.ears {
            try CaptureTurn.take(most: ear.capture.mostPackets, by: Self.batch) { () throws(EngineError) in
                books.telemetry.capturePulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
                return try drain(ear)
            }
        }
    }

    /// Takes one batch; returns its size.
    private func drain(_ ear: RunCaptures.Ear) throws(EngineError) -> Int {
        let (capture, captures) = (ear.capture, captures)
        let (result, finished) = books.state.withLock { state -> (Result<Int, EngineError>, Bool) in
            let before = state.current.silentCount
            let result = Result { () throws(EngineError) in
                try capture.drain(limit: Self.batch) { packet, time in
                    guard let inner = capture.header.packet(in: packet), let number = captures.number(of: ear, packet) else { return }
                    take(inner, time, number, &state)
                }
            }
            // Under the lock, so that a checkpoint never knows of an answer that has not been delivered.
            // Hosts first: a finding that is stored is not asked for again, and could not tell of its host any more.
            if !hosts.isEmpty { sink.deliver(hosts) }
            if !found.isEmpty { sink.deliver(found) }
            return (result, before > 0 && state.current.silentCount == 0)
        }
        found.removeAll(keepingCapacity: true)
        hosts.removeAll(keepingCapacity: true)
        if finished { books.transmitWake.signal() }
        return try result.get()
    }

    private func keepCheckpoint() {
        let now = SteadyClock.nanoseconds()
        books.telemetry.capturePulse.store(now, ordering: .relaxed)
        guard now - lastCheckpoint >= Self.checkpointInterval, sink.takesCheckpoint else { return }
        lastCheckpoint = now
        books.state.withLock { state in
            if let checkpoint = books.checkpoint(&state) { sink.keep(checkpoint) }
        }
    }

    /// Judges one packet: an answer of ours, or somebody else's.
    private func take(_ packet: IPPacket, _ time: Int64, _ interface: UInt16, _ state: inout ScanBooks.State) {
        guard let reply = Reply(packet), ports.contains(reply.localPort) else {
            state.counters.rejectedReplies += 1
            return
        }
        guard case .answer(let reason) = reply.kind, reply.isVerified(by: cookies) else {
            state.counters.rejectedReplies += 1
            if reply.isSign { noteSign(reply, time, interface, &state) }
            return
        }
        let target = Endpoint(address: reply.addresses.target, port: reply.targetPort)
        guard let index = index(of: reply) ?? space.index(of: target) else {
            state.counters.rejectedReplies += 1
            return
        }
        if captures.isEcho(target.address, at: interface) { return }
        state.counters.replies += 1
        let attempt = reply.localPort &- ports.lowerBound
        let position = permutation.position(of: index)
        guard attempt < attempts else {
            noteConflict(position, target, reply, reason, time, &state)
            noteCanary(position, attempt, reply, reason, time, &state)
            return
        }
        guard let entry = settle(position, reply, reason, &state) else {
            state.counters.duplicates += 1
            noteConflict(position, target, reply, reason, time, &state)
            return
        }
        noteHost(target.address, reply, reason, time, &state)
        let roundTrip = measure(position, target.address, Int(attempt), reason, time, &state)
        if state.current.positions.contains(position) {
            noteFirst(position, target, reason.state, &state)
            // Hosts and routers ration their ICMP errors: their number says nothing about the path.
            if reason.isAnswer, Int(attempt) == state.pass.round {
                state.stretches.answered(position, isCanary: false, at: time, roundTrip: roundTrip)
            }
        }
        // What is stored as filtered must not stay so.
        guard recorded.contains(reason.state) || entry.overrules && recorded.contains(.filtered) else { return }
        var observation = Observation(time: time, address: target.address, port: target.port, state: reason.state, reason: reason)
        observation.ttl = reply.timeToLive
        observation.rttMicroseconds = roundTrip
        observation.window = reply.window
        observation.mss = reply.maximumSegmentSize
        observation.attempt = UInt8(truncatingIfNeeded: attempt)
        observation.interface = interface
        observation.conflict = entry.error
        found.append(observation)
    }

    /// The quick look-up, which most answers are found by.
    private func index(of reply: Reply) -> UInt64? {
        guard case .v4(let target, _) = reply.addresses else { return nil }
        return space.v4.index(of: target, reply.targetPort)
    }

    /// What a first answer tells about its host and port, and about the sweep.
    private func noteFirst(_ position: UInt64, _ target: Endpoint, _ answer: TargetState, _ state: inout ScanBooks.State) {
        // An error that a router sends says nothing about its target.
        guard answer == .open || answer == .closed else { return }
        state.found.answers += 1
        if answer == .open {
            state.found.open += 1
            books.noteOpen(target.address, &state)
        }
        books.tally.note(target.address, target.port, isOpen: answer == .open)
        if !state.sweeps.isEmpty { state.recentAnswers.note(position, sweep: state.sweeps.count) }
    }

    /// Reports a host that answers for the first time, where that is wanted.
    private func noteHost(_ address: IPAddress, _ reply: Reply, _ reason: Reason, _ time: Int64, _ state: inout ScanBooks.State) {
        guard state.roll != nil else { return }
        let sign: HostRoll.Sign = reply.isFromTarget ? .up : reason == .hostUnreachable ? .unreachable : .silent
        guard state.roll?.note(address, sign) == true, sign == .up else { return }
        var observation = HostObservation(time: time, address: address, state: .up, reason: reason)
        observation.ttl = reply.timeToLive
        hosts.append(observation)
    }

    /// Reports an answer that contradicts the first of its target: a reset after a SYN-ACK or the other way round, or a SYN-ACK from another
    /// distance.
    private func noteConflict(
        _ position: UInt64, _ target: Endpoint, _ reply: Reply, _ reason: Reason, _ time: Int64, _ state: inout ScanBooks.State
    ) {
        // It says more of a finding and is none: when the recorder is behind, it is only counted.
        guard reason == .synAck || reason == .reset, !sink.isFull, state.current.positions.contains(position),
            let first = state.current.state(at: position), first == .open || first == .closed,
            recorded.contains(first) || recorded.contains(reason.state),
            first != reason.state || reason == .synAck && state.memory.contradicts(position, ttl: reply.timeToLive),
            state.memory.tell(position, ttl: reply.timeToLive)
        else { return }
        var observation = Observation(
            time: time, address: target.address, port: target.port, state: first, reason: first == .open ? .synAck : .reset)
        observation.conflict = Observation.Conflict(reason: reason, ttl: reply.timeToLive)
        found.append(observation)
    }

    /// A canary is answered by its target; one that gets an ICMP error is lost.
    private func noteCanary(
        _ position: UInt64, _ slot: UInt16, _ reply: Reply, _ reason: Reason, _ time: Int64, _ state: inout ScanBooks.State
    ) {
        let isOfRound = slot == SourcePortBlock.canarySlot(ofRound: state.pass.round)
        guard reason.isAnswer else {
            if isOfRound, !reply.isFromTarget, let place = state.canaries.place(of: position) {
                state.refused.note(reply.addresses.target, at: place)
            }
            return
        }
        if slot == SourcePortBlock.recentCanaries {
            guard let sent = state.recentCanaries.answer(position), sent > 0 else { return }
            learn(time &- Int64(clamping: sent), &state)
        } else if isOfRound, let place = state.canaries.answer(position) {
            state.stretches.answered(place, isCanary: true, at: time, roundTrip: nil)
        }
    }

    /// How an answer was entered: whether its target may be known as filtered, and the ICMP error that it contradicts.
    private struct Entry {
        var overrules = false
        var error: Observation.Conflict?
    }

    /// Enters a target's first answer, or its own first one after errors or silence, into the table and the books; nil for any other.
    private func settle(_ position: UInt64, _ reply: Reply, _ reason: Reason, _ state: inout ScanBooks.State) -> Entry? {
        let answer = reason.state
        let isCurrent = state.current.positions.contains(position)
        guard isCurrent || state.previous?.positions.contains(position) == true, let table = isCurrent ? state.current : state.previous
        else { return nil }
        let wasRefused = isCurrent && answer != .filtered && state.refusals.contains(position)
        var entry = Entry(overrules: wasRefused, error: wasRefused ? state.memory.error(at: position) : nil)
        if table.settle(position, as: answer) {
            state.counters.count(answer)
            // The chunk is over and what is silent in it has been counted as filtered.
            if !isCurrent { state.counters.filtered -= 1 }
            if isCurrent, answer == .filtered { state.refusals.note(position, reason) }
        } else if table.overrule(position, by: answer) {
            state.counters.overrule(by: answer)
            entry = Entry(overrules: true, error: state.memory.error(at: position))
            // Of its two answers one counts.
            if wasRefused || entry.error != nil { state.counters.duplicates += 1 }
        } else {
            return nil
        }
        if wasRefused { state.refusals.remove(position) }
        if reason != .reset { state.memory.note(position, reason, ttl: reply.timeToLive) }
        return entry
    }

    /// The reply's round-trip time, µs; that of a target's own answer feeds the estimator.
    private func measure(
        _ position: UInt64, _ address: IPAddress, _ attempt: Int, _ reason: Reason, _ time: Int64, _ state: inout ScanBooks.State
    ) -> UInt32? {
        guard let sent = books.sendLogs[attempt].time(of: position), case let elapsed = time &- sent, elapsed > -1000,
            let roundTrip = UInt32(exactly: max(0, elapsed))
        else { return nil }
        if reason.isAnswer {
            learn(Int64(roundTrip), &state)
            state.hostRoundTrips.note(address, roundTrip)
        }
        return roundTrip
    }

    private func learn(_ roundTrip: Int64, _ state: inout ScanBooks.State) {
        state.roundTrips.add(roundTrip)
        books.answerTimeout = state.roundTrips.timeout
    }
}
