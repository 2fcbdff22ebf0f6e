import PacketIO
import ScanCore
import ScanTargets
import Synchronization

/// What transmit and capture thread of a run share.
///
/// The books proper stand under a lock that is taken once per batch of packets, never per packet; everything the packet paths read
/// between batches is atomic.
final class ScanBooks: Sendable {
    struct State {
        var counters: ScanCounters
        var current: ProbeTable
        /// The chunk before, for answers that come after its end. What is silent there has been counted as filtered.
        var previous: ProbeTable?
        /// What the current chunk left out.
        var omissions: Omissions
        /// The current chunk's sweeps that are over, and what the one under way has found.
        var sweeps: [RecallEvidence.Sweep]
        var found = SweepCount()
        var canaries = CanaryBook()
        /// Those beside a round's order; for each its time, µs since the epoch, or 0 where an answer does not tell which it was for.
        var recentCanaries = CanaryBook()
        var refused = RefusedCanaries()
        var recentAnswers = RecentAnswers()
        var stretches = StretchLog()
        /// The round and the position where this run began it.
        var pass: (round: Int, start: UInt64)
        var roundTrips = RoundTripEstimator()
        var hostRoundTrips = HostRoundTrips()
        /// The first position of the round that must be asked again, because its probe was sent too fast.
        var repeatFrom: UInt64?
        /// How many ports of each host are open, and the hosts with so many that the transmit thread should look at them.
        var openPorts = OpenPortTally()
        var suspected: [IPAddress] = []
        var floodedHosts = 0
        /// Which hosts have answered, where somebody wants to know.
        var roll: HostRoll?
        var memory = AnswerMemory()
        /// Whether the last sweep's silent targets are still waited for: a run that goes on makes it again.
        var awaitsLate = false
        /// What came from the current chunk's targets and proves nothing, and the last attempt that was made for more of it; minus one for none.
        var signs = Signs()
        var signsUntil = -1
        /// The current chunk's targets that only an ICMP error has answered.
        var refusals: Refusals
        /// Why targets are left out, a sentence each, and what the kernel has refused.
        var untestedReasons: [String] = []
        var sendRefusals = SendRefusals()
        /// Why the capture ended before the run did.
        var captureFault: EngineError?
    }

    /// First answers of a sweep.
    struct SweepCount {
        var open = 0
        var answers = 0
    }

    let state: Mutex<State>
    /// Which ports and hosts of the current chunk have answered.
    let tally: PortTally
    let telemetry = ScanTelemetry()
    /// Probes a second that may leave at present; any thread sets it.
    let rate: Atomic<Double>
    /// One for each attempt.
    let sendLogs: [SendLog]
    /// Wakes the transmit thread: everything has answered, or it shall stop.
    let transmitWake: WakeEvent
    let captureWake: WakeEvent

    /// How many hosts have been under suspicion.
    let suspicions = Atomic<Int>(0)
    private let openPortsThreshold: Int?

    /// Counts an open port of a host; when there are suspiciously many, and again at twice and four times as many, it is suspected. Under the lock.
    func noteOpen(_ address: IPAddress, _ state: inout State) {
        guard let threshold = openPortsThreshold, case let count = state.openPorts.note(address), count % threshold == 0,
            (count / threshold).nonzeroBitCount == 1
        else { return }
        state.suspected.append(address)
        suspicions.add(1, ordering: .relaxed)
    }

    /// Why nothing is sent at present, in words, though the run goes on; and who is told that this has changed. Any thread.
    private let obstacle = Mutex<String?>(nil)
    private let obstacleWatcher: @Sendable () -> Void

    var currentObstacle: String? { obstacle.withLock { $0 } }

    func meet(_ reason: String?) {
        let hasChanged = obstacle.withLock { current in
            defer { current = reason }
            return current != reason
        }
        if hasChanged { obstacleWatcher() }
    }

    /// What runs before this one counted.
    private let earlier: ScanCounters
    private let startTime = Atomic<Int64>(0)
    private let endTime = Atomic<Int64>(0)
    private let stopping = Atomic<Bool>(false)
    private let captureEnding = Atomic<Bool>(false)
    private let timeout: Atomic<Int64>
    /// How often the capture thread has taken everything that had arrived.
    private let captureTurns = Atomic<Int>(0)

    init(
        current: ProbeTable, counters: ScanCounters, omissions: Omissions, sweeps: [RecallEvidence.Sweep], attempts: Int, rate: Double,
        pass: (Int, UInt64), openPortsThreshold: Int?, whenObstacleChanges: @escaping @Sendable () -> Void
    ) throws(EngineError) {
        self.openPortsThreshold = openPortsThreshold
        obstacleWatcher = whenObstacleChanges
        state = Mutex(
            State(
                counters: counters, current: current, omissions: omissions, sweeps: sweeps, pass: pass,
                refusals: Refusals(positions: current.positions)))
        tally = PortTally()
        self.rate = Atomic(rate)
        earlier = counters
        sendLogs = (0..<attempts).map { _ in SendLog() }
        transmitWake = try WakeEvent()
        captureWake = try WakeEvent()
        timeout = Atomic(RoundTripEstimator.firstGuess)
    }

    /// Takes what the table of a run that goes on knows already into the sweep under way, and into the tally. Before the run starts.
    func recount(_ space: ProbeSpace, _ permutation: Permutation) {
        state.withLock { state in
            let table = state.current
            var position = table.positions.lowerBound
            while let next = table.nextAnswered(from: position, before: table.positions.upperBound) {
                position = next + 1
                guard let target = space.target(at: permutation.index(at: next)) else { continue }
                let isOpen = table.state(at: next) == .open
                tally.note(target.address, target.port, isOpen: isOpen)
                _ = state.roll?.note(target.address, .up)
                state.found.answers += 1
                guard isOpen else { continue }
                noteOpen(target.address, &state)
                state.found.open += 1
            }
            let before = state.sweeps.reduce(into: SweepCount()) { sum, sweep in
                sum.answers += sweep.answers
                sum.open += sweep.open
            }
            state.found.answers = max(0, state.found.answers - before.answers)
            state.found.open = min(max(0, state.found.open - before.open), state.found.answers)
        }
    }

    /// The run's time starts.
    func noteStart() { startTime.store(SteadyClock.nanoseconds(), ordering: .relaxed) }

    /// And ends.
    func noteEnd() { endTime.store(SteadyClock.nanoseconds(), ordering: .relaxed) }

    /// The books so far.
    var counters: ScanCounters { state.withLock { counters(of: $0) } }

    /// Probes sent by the runs so far.
    var probesSent: Int64 { earlier.probesSent + telemetry.probesSent.load(ordering: .relaxed) }

    private func counters(of state: borrowing State) -> ScanCounters {
        var counters = state.counters
        counters.probesSent = probesSent
        counters.sendErrors = earlier.sendErrors + telemetry.sendErrors.load(ordering: .relaxed)
        counters.linkDrops = earlier.linkDrops + telemetry.linkDrops.load(ordering: .relaxed)
        if telemetry.foundRate.load(ordering: .relaxed) > 0 {
            counters.foundRate = Int64(telemetry.foundRate.load(ordering: .relaxed))
            counters.rateVerified = telemetry.isRateVerified.load(ordering: .relaxed) ? 1 : 0
        }
        counters.floodedHosts = Int64(state.floodedHosts)
        counters.seconds = earlier.seconds + elapsedSeconds
        return counters
    }

    private var elapsedSeconds: Double {
        let start = startTime.load(ordering: .relaxed)
        guard start > 0 else { return 0 }
        let end = endTime.load(ordering: .relaxed)
        return Double((end > 0 ? end : SteadyClock.nanoseconds()) - start) / 1e9
    }

    /// Where the run stands, under the lock. Nil between the last chunk and the end: then an earlier checkpoint says more.
    func checkpoint(_ state: inout State, at place: Transmitter.Place? = nil) -> ScanCheckpoint? {
        guard !state.current.positions.isEmpty else { return nil }
        let place = place ?? Transmitter.Place(round: state.pass.round, position: safePosition(state))
        return ScanCheckpoint(
            chunkStart: state.current.positions.lowerBound, round: UInt64(place.round), position: place.position,
            counters: counters(of: state), omissions: state.omissions, sweeps: awaitsLate(state) ? state.sweeps.dropLast() : state.sweeps,
            pages: state.current.takeDirtyPages())
    }

    /// Whether answers to the last sweep may still come, so that nobody may be taken for silent by it. Under the lock.
    private func awaitsLate(_ state: borrowing State) -> Bool {
        let patience = max(answerTimeout, RoundTripEstimator.leastPatience) * 1000
        return state.awaitsLate && SteadyClock.nanoseconds() - telemetry.lastProbe.load(ordering: .relaxed) < patience
    }

    /// A position of the pass before which every probe has had the time to be answered, and none must be sent again. Under the lock.
    func safePosition(_ state: borrowing State) -> UInt64 {
        // A sweep that is in the books is not made again, unless it is still waited for late answers to it.
        if state.sweeps.count > state.pass.round, !awaitsLate(state) { return state.current.positions.upperBound }
        let earliest = WallClock.microseconds() - max(answerTimeout, RoundTripEstimator.leastPatience)
        let start = state.pass.start
        return min(max(start, sendLogs[state.pass.round].position(at: earliest) ?? start), state.repeatFrom ?? .max)
    }

    /// True once the run has been told to stop.
    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Asks the transmit thread to stop. Any thread.
    func stop() {
        stopping.store(true, ordering: .releasing)
        transmitWake.signal()
    }

    /// True once nothing more will be sent or waited for.
    var isCaptureEnding: Bool { captureEnding.load(ordering: .acquiring) }

    /// Asks the capture thread to take what has arrived and end.
    func endCapture() {
        captureEnding.store(true, ordering: .releasing)
        captureWake.signal()
    }

    /// Notes that everything has been taken that had arrived. The capture thread only.
    func noteCaptureTurn() {
        captureTurns.add(1, ordering: .releasing)
    }

    /// Waits until the capture thread has taken all that had arrived before: on a busy machine it lags behind, and answers that came in time
    /// must not be taken for silence. Returns early when the run is stopped, and after the longest time-out. The transmit thread only.
    func awaitCapture() {
        let start = SteadyClock.nanoseconds()
        let end = start + RoundTripEstimator.ceiling * 1000
        // What the kernel holds back at first can be taken after that.
        let isGivenUp = start + Int64(PacketCapture.holdMilliseconds) * 1_500_000
        while !isStopping, case let rest = isGivenUp - SteadyClock.nanoseconds(), rest > 0 { transmitWake.wait(nanoseconds: rest) }
        // The turn that is under way may have passed an interface already: the one after it counts.
        let goal = captureTurns.load(ordering: .acquiring) + 2
        while captureTurns.load(ordering: .acquiring) < goal, !isStopping, SteadyClock.nanoseconds() < end {
            captureWake.signal()
            transmitWake.wait(nanoseconds: 500_000)
        }
    }

    /// How long to wait for an answer at present, µs.
    var answerTimeout: Int64 {
        get { timeout.load(ordering: .relaxed) }
        set { timeout.store(newValue, ordering: .relaxed) }
    }
}

extension ScanBooks.State {
    /// Counts what has answered after the last sweep as found by it; how many that were.
    mutating func takeLateAnswers() -> Int {
        awaitsLate = false
        guard let last = sweeps.indices.last else { return 0 }
        sweeps[last].answers += found.answers
        sweeps[last].open += found.open
        defer { found = ScanBooks.SweepCount() }
        return found.answers
    }
}
