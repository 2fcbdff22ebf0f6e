package import PacketIO
package import ScanCore
package import ScanTargets
import Synchronization

/// How a run ended.
package enum ScanEnd: Sendable {
    case finished
    /// It was told to stop; the checkpoint is where it goes on, nil where an earlier one does.
    case stopped(ScanCheckpoint?)
    /// A link or capture failed under it.
    case failed(EngineError, ScanCheckpoint?)
}

/// What is known of hosts from the runs before.
package struct KnownHosts: Sendable {
    package var up: [IPAddress] = []
    /// Those that answer everything.
    package var flooded: [IPAddress] = []

    package init() {}
}

/// One scan on real packets: a transmit and a capture thread over the links and captures of its paths.
package final class ScanRun: @unchecked Sendable {
    // Unchecked: everything is set in the initialiser; transmitter and receiver belong to one thread each.
    private let specification: ScanSpecification
    private let space: ProbeSpace
    private let books: ScanBooks
    private let transmitter: Transmitter
    private let receiver: Receiver
    private let reserve: CaptureReserve
    private let place: Transmitter.Place
    /// Held until the run has ended, so that late SYN-ACKs still meet the kernel's RST.
    private let ports: SourcePortBlock

    /// What `Observation.interface` points into.
    package let interfaceNames: [String]
    /// The links in use, in the configuration's words: `packet`, or `packet,raw-ip`.
    package let linkWords: String
    /// Why these links, for people.
    package let linkReason: String
    /// The links that were to be used and could not, with the reasons.
    package let linkRefusals: [String]

    /// Opens links and captures; when this returns, no answer is missed. Blocks for some milliseconds.
    /// `checkpoint` must come from a run of the same selection and key; `answered` are targets that have been observed since it was made, `hosts`
    /// those that were told of.
    package init(
        _ specification: ScanSpecification, ways: Ways, ports: SourcePortBlock, scope: ScopeGuard, brake: Brake,
        captures reserve: CaptureReserve, links: LinkPool, sink: any ObservationSink, resuming checkpoint: ScanCheckpoint?,
        answered: [(target: Endpoint, state: TargetState)] = [], hosts: KnownHosts = KnownHosts()
    ) throws(EngineError) {
        // Before the ways are used, so that no change is missed.
        let (routeWatch, paths) = (try RouteWatch(), ways.paths)
        guard let space = ProbeSpace(specification.selection) else {
            throw EngineError(.internalFault, "The job has no targets, or more than 2^63.")
        }
        let first = min(specification.chosen?.first ?? 0, space.count - 1)
        let start = checkpoint?.chunkStart ?? first - first % ProbeTable.maximumPositions
        guard start < space.count else {
            throw EngineError(.internalFault, "The stored checkpoint lies outside the job: cancel it and submit it again.")
        }
        let table = ProbeTable(positions: start..<min(start + ProbeTable.maximumPositions, space.count), only: specification.chosen)
        let targets = Int64(clamping: specification.chosen?.count(of: space.count) ?? space.count)
        let isOfThisJob = checkpoint.map { $0.counters.targets == targets } ?? true
        if let checkpoint, !isOfThisJob || !table.restore(checkpoint.pages) {
            throw EngineError(.internalFault, "The stored checkpoint does not fit the job: cancel it and submit it again.")
        }
        var counters = checkpoint?.counters ?? ScanCounters()
        counters.targets = targets
        let permutation = Permutation(count: space.count, key: specification.key)
        for (target, state) in answered {
            guard let index = space.index(of: target) else { continue }
            let position = permutation.position(of: index)
            if position < table.positions.lowerBound {
                // A late answer of a chunk that was over: it had been counted as filtered.
                counters.filtered -= 1
                counters.count(state)
            } else if table.positions.contains(position), table.settle(position, as: state) {
                counters.count(state)
            } else if table.positions.contains(position), table.overrule(position, by: state) {
                counters.overrule(by: state)
            }
        }
        let place = Transmitter.Place(
            round: min(Int(clamping: checkpoint?.round ?? 0), specification.retries),
            position: min(max(checkpoint?.position ?? start, start), table.positions.upperBound))
        let books = try ScanBooks(
            current: table, counters: counters, omissions: checkpoint?.omissions ?? Omissions(), sweeps: checkpoint?.sweeps ?? [],
            attempts: specification.retries + 1, rate: Double(specification.rate), pass: (place.round, place.position),
            openPortsThreshold: specification.openPortsThreshold, whenObstacleChanges: { sink.noteObstacle() })
        books.state.withLock { state in
            state.floodedHosts = hosts.flooded.count
            state.untestedReasons = ways.sentences
            guard specification.reportsHosts else { return }
            var roll = HostRoll(specification.selection.addresses)
            for address in hosts.up { _ = roll.note(address, .up) }
            state.roll = roll
        }
        books.recount(space, permutation)
        let captures = try RunCaptures(paths, specification, ports, reserve, targets: space.count)
        interfaceNames = captures.names
        var lanes: [Lane] = []
        for path in paths { lanes.append(try Lane(path, specification, links)) }
        linkWords = Array(Set(lanes.map(\.kind.rawValue))).sorted().joined(separator: ",")
        linkRefusals = Array(Set(lanes.flatMap(\.refusals))).sorted()
        linkReason = Array(Set(lanes.map(\.reason))).sorted().joined(separator: "; ")

        self.specification = specification
        self.space = space
        self.books = books
        self.ports = ports
        self.place = place
        self.reserve = reserve
        receiver = Receiver(
            captures: captures, books: books, space: space, permutation: permutation, specification: specification, ports: ports,
            sink: sink)
        transmitter = try Transmitter(
            specification, space: space, permutation: permutation, books: books, table: table, ways: ways, lanes: lanes, ports: ports,
            scope: scope, brake: brake, routeWatch: routeWatch, sink: sink, flooded: hosts.flooded)
        books.telemetry.position.store(place.position, ordering: .relaxed)
    }

    /// Starts the threads. `onEnd` is called once, on the transmit thread, after the last observation has been delivered.
    package func start(onEnd: @escaping @Sendable (ScanEnd) -> Void) throws(EngineError) {
        books.noteStart()
        let capture = try WorkerThread("scan-capture") { [receiver] in receiver.run() }
        do {
            try WorkerThread("scan-transmit") { [self] in
                onEnd(runToEnd(capture))
            }.detach()
        } catch {
            books.endCapture()
            capture.join()
            throw error
        }
    }

    /// Asks the run to stop and returns at once. Any thread, any number of times.
    package func stop() {
        books.stop()
    }

    private func runToEnd(_ capture: WorkerThread) -> ScanEnd {
        let outcome = Result { () throws(EngineError) in try transmitter.run(from: place) }
        books.endCapture()
        capture.join()
        receiver.giveCaptures(to: reserve)
        books.noteEnd()
        if let fault = books.state.withLock({ $0.captureFault }) { return .failed(fault, checkpoint(at: nil)) }
        switch outcome {
        case .success(.finished): return .finished
        case .success(.stopped(let place)): return .stopped(checkpoint(at: place))
        case .failure(let fault): return .failed(fault, checkpoint(at: nil))
        }
    }

    /// After a fault nobody knows which probes left: the round begins again, over what is silent.
    private func checkpoint(at place: Transmitter.Place?) -> ScanCheckpoint? {
        books.state.withLock { state in
            let start = Transmitter.Place(round: state.pass.round, position: state.current.positions.lowerBound)
            return books.checkpoint(&state, at: place ?? start)
        }
    }

    /// Why nothing is sent at present though the run goes on, in words. Any thread.
    package var obstacle: String? { books.currentObstacle }

    /// Why some targets are not tested, a sentence each. Any thread.
    package var untestedReasons: [String] {
        books.state.withLock { Array(($0.untestedReasons + $0.sendRefusals.sentences).prefix(Ways.mostSentences)) }
    }

    /// The share of the open targets that is to be found.
    package var recallGoal: Double? { specification.recall }

    /// The books so far. Any thread.
    package var counters: ScanCounters { books.counters }

    /// Probes a second that it may send at present; holds from the next batch on. Any thread.
    package var rate: Double {
        get { books.rate.load(ordering: .relaxed) }
        set {
            books.rate.store(max(newValue, Pacer.slowest), ordering: .relaxed)
            books.transmitWake.signal()
        }
    }

    /// Whether both threads were at work within the last `nanoseconds`. Any thread.
    package func isAlive(within nanoseconds: Int64) -> Bool {
        let oldest = SteadyClock.nanoseconds() - nanoseconds
        return books.telemetry.transmitPulse.load(ordering: .relaxed) > oldest
            && books.telemetry.capturePulse.load(ordering: .relaxed) > oldest
    }

    /// How far it has come, an estimate: silent targets are expected to stay silent. Any thread.
    package var progress: ScanProgress {
        let table = books.state.withLock { $0.current }
        let telemetry = books.telemetry
        let round = telemetry.round.load(ordering: .relaxed)
        let position = telemetry.position.load(ordering: .relaxed)
        let rate = telemetry.rate.load(ordering: .relaxed)
        let sent = Double(books.probesSent)
        let size = Double(table.size)
        let passed = Double(position - min(position, table.positions.lowerBound)) / max(1, Double(table.positions.count))
        let silent = Double(table.silentCount)
        // Within the first pass only the silent ones behind `position` will be asked again.
        let unsent = round == 0 ? size * (1 - passed) : silent * (1 - passed)
        let quiet = round == 0 ? max(0, silent - unsent) : silent
        // With a goal a second pass is usual and more are few.
        let ceiling = specification.recall == nil ? specification.retries : min(specification.retries, 1)
        let rounds = Double(max(0, ceiling - round))
        let share = quiet / max(1, size * (round == 0 ? max(passed, 1e-9) : 1))
        let end = table.positions.upperBound
        let behind = specification.chosen?.count(of: space.count, from: end) ?? space.count - end
        let later = Double(behind) * (1 + min(1, share) * Double(specification.retries))
        let remaining = unsent + (quiet + unsent * min(1, share)) * rounds + later
        return ScanProgress(
            round: round, fraction: sent + remaining > 0 ? sent / (sent + remaining) : 0, rate: rate,
            eta: rate > 0 ? remaining / min(rate, self.rate) : nil)
    }
}
