import PacketIO
import ScanCore
import ScanTargets
import Synchronization

/// The transmit thread's loop: chunk by chunk, round by round, over what is still silent.
final class Transmitter: @unchecked Sendable {
    // Unchecked: after the initialiser only the transmit thread touches the unprotected parts; `telemetry` is atomic.
    let specification: ScanSpecification
    let space: ProbeSpace
    let permutation: Permutation
    let books: ScanBooks
    let lanes: [Lane]
    /// Those of the lanes. Allocated in the initialiser, freed in deinit.
    let writers: UnsafeMutablePointer<UnsafeMutablePointer<FrameWriter>>
    let firstPort: UInt16
    let scope: ScopeGuard
    let sink: any ObservationSink
    let telemetry: ScanTelemetry
    let brake: Brake

    var table: ProbeTable
    let upcoming = UpcomingTargets()
    var pacer: Pacer
    var caps: RateCaps
    var rate: Double
    /// Finds the rate; nil where it is given.
    var controller: RateController?
    var linkBound = LinkBound()
    var canaries: CanaryChoice
    /// Hosts that may answer everything, how often there was a new one, and their targets that the last batch has left out.
    var floods: FloodWatch
    var suspicionsSeen = 0
    var leftOut: [UInt64] = []
    /// Hosts that lose more than others, which of the hosts the pass is for, and the rate that the slow ones bear.
    var slowHosts = SlowHosts()
    var crowd = Crowd.all
    var slowController: RateController?
    private var slowOutage = OutageWatch()
    var outage = OutageWatch()
    /// From where on nothing has answered any more, while that is so; and the parts of the pass for which it was so.
    var darkFrom: UInt64?
    var dark: [Range<UInt64>] = []
    /// Hosts that have fallen silent while the path was there, and what becomes of that.
    var absentHosts: Set<IPAddress> = []
    var absence: Absence?
    /// Behind the last target that was asked out of turn.
    var vigilTurn: UInt64 = 0
    /// Canaries that were sent behind the round's order.
    var extraCanaries = ProbeCount()
    /// The job's addresses that may be probed at present and to which a path leads, and of which version of the scope.
    var reachable: AddressSet
    var ways: WayTable
    /// Those on the link itself that have no hardware address.
    var unresolved = AddressSet()
    /// What is known of how many of these are there all the same.
    var neighborhood = Neighborhood()
    /// Addresses that are left out because no route leads there, and ports of others because rules or policies are in the way.
    let unreached: [Unreached]
    let unreachedPorts: [Unreached]
    let routeLook: RouteLook
    /// When a gateway that did not answer was asked last, ns.
    var silentAsked = SteadyClock.nanoseconds()
    /// To ask the kernel for a way.
    var netlink: Netlink
    /// Hears of changes to routes; until one makes the targets' ways others.
    let routeWatch: RouteWatch
    var nextLook: Int64 = 0
    var scopeVersion: Int
    /// When this round's last probe left; 0 when it has sent none, and there is nothing to wait for.
    var lastSent: Int64 = 0
    /// When the last probes of the chunk left, those of its first round and all; ns, 0 for none.
    var chunkSent: (first: Int64, all: Int64) = (0, 0)
    /// The parts of the pass whose probes were lost because they were sent too fast, where the pass began, and from where on it has not been
    /// judged.
    var lossy: [Range<UInt64>] = []
    var passFrom: UInt64 = 0
    var unjudgedFrom: UInt64 = 0
    /// Since when the kernel has had no room, and since when (µs since the epoch) nothing that was sent is sure to have left; 0 when it has.
    var blockedSince: Int64 = 0
    var doubtfulSince: Int64 = 0
    /// When the stretch under way began and ends, and when the next verdict is due; ns. What has been sent in it.
    var stretchStart: Int64 = 0
    var stretchEnd: Int64 = 0
    var nextVerdict: Int64 = 0
    var stretchSent = Added()
    /// What is known since the last sweep.
    var lastEvidence: RecallEvidence?
    /// Whether a part of the round is sent once more.
    var isRepeating = false
    /// Silent targets that the sweep has passed over as unlikely.
    var passedOver = 0

    /// Which hosts a pass is for.
    enum Crowd {
        case all
        /// Those that are not slow.
        case steady
        case slow
    }

    /// However slow the rate, the thread looks around that often; ns.
    static let longestWait: Int64 = 1_000_000_000

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
        _ specification: ScanSpecification, space: ProbeSpace, permutation: Permutation, books: ScanBooks, table: ProbeTable, ways: Ways,
        lanes: [Lane], ports: SourcePortBlock, scope: ScopeGuard, brake: Brake, routeWatch: RouteWatch, sink: any ObservationSink,
        flooded: [IPAddress]
    ) throws(EngineError) {
        netlink = try Netlink()
        self.routeWatch = routeWatch
        routeLook = RouteLook(ways)
        unreached = ways.unreached.filter { $0.ports == nil }
        unreachedPorts = ways.unreached.filter { $0.ports != nil }
        self.specification = specification
        self.space = space
        self.permutation = permutation
        self.books = books
        self.table = table
        self.lanes = lanes
        writers = .allocate(capacity: lanes.count + 1)
        for (index, lane) in lanes.enumerated() { (writers + index).initialize(to: lane.writer) }
        self.scope = scope
        self.sink = sink
        self.brake = brake
        telemetry = books.telemetry
        firstPort = ports.first
        let most = books.rate.load(ordering: .relaxed)
        controller = specification.isRateFound ? RateController(hosts: specification.selection.addresses.count, most: most) : nil
        rate = controller?.rate ?? most
        pacer = Pacer(rate: rate, batch: FrameSlots.batch, now: SteadyClock.nanoseconds())
        caps = RateCaps(specification.caps, now: SteadyClock.nanoseconds())
        canaries = CanaryChoice(seed: specification.key.word(3))
        floods = FloodWatch(flooded: flooded)
        leftOut.reserveCapacity(Self.mostLooks)
        scopeVersion = scope.currentVersion
        reachable = Self.reachable(scope, lanes)
        self.ways = WayTable(Self.stretches(lanes), allowed: scope.current)
    }

    static func stretches(_ lanes: [Lane]) -> [WayTable.Stretch] {
        lanes.enumerated().map { WayTable.Stretch($1.hops, lane: $0) }
    }

    deinit {
        writers.deallocate()
    }

    static func reachable(_ scope: ScopeGuard, _ lanes: [Lane]) -> AddressSet {
        AddressSet(joining: lanes.lazy.map(\.destinations)).intersection(scope.current)
    }

    /// Goes through all chunks from `place` on, which lies in the table's chunk.
    func run(from place: Place) throws(EngineError) -> Outcome {
        // The default slack of 50 µs would show as bursts.
        WorkerThread.setTimerSlack(nanoseconds: 1)
        var place = place
        guard try resolveNeighbors() else { return .stopped(place) }
        // A run that goes on does not know yet what answers usually: it asks whether the path is there before it takes silence for an answer.
        if canAskAgain { darkFrom = place.position }
        while true {
            guard settleUnresolved() else { return .stopped(place) }
            if let stopped = try rounds(from: place) { return .stopped(stopped) }
            guard let next = closeChunk() else {
                return (books.isStopping && !isThrough) || !reportDown() ? .stopped(endOfRounds) : .finished
            }
            place = next
        }
    }

    /// All rounds of a chunk; the place to go on from when the run is stopped, nil when the chunk is through.
    private func rounds(from place: Place) throws(EngineError) -> Place? {
        var place = place
        var isWide = true
        while true {
            telemetry.round.store(place.round, ordering: .relaxed)
            books.state.withLock { state in
                state.counters.rounds = max(state.counters.rounds, Int64(place.round) + 1)
                state.pass = (place.round, place.position)
                state.canaries.begin()
                state.refused = RefusedCanaries()
                (state.repeatFrom, state.awaitsLate) = (nil, false)
                state.roundTrips.begin(pass: place.round)
                books.answerTimeout = state.roundTrips.timeout
            }
            // A run that was stopped behind the round's end has its sweep in the books.
            let isSwept = place.position == table.positions.upperBound && books.state.withLock { $0.sweeps.count > place.round }
            if !isSwept {
                if place.round > 0 { askRefusedAgain(isWide: isWide) }
                if let stopped = try sweep(place, isWide: isWide) { return stopped }
                noteSweep(isWide: isWide)
            }
            if let next = try judgeSweep(place.round) {
                isWide = next
            } else {
                let end = table.positions.upperBound
                guard !books.isStopping else { return rewound(place.round, end) }
                guard let late = awaitLateAnswers() else { return rewound(place.round, end) }
                // Who answers late has been judged too soon.
                guard late > 0, place.round < specification.retries, table.silentCount > 0 else {
                    return try askSignsAgain(from: place.round + 1) ? nil : rewound(place.round, end)
                }
                isWide = false
            }
            place = Place(round: place.round + 1, position: table.positions.lowerBound)
        }
    }

    /// One round. The place to go on from when the run is stopped.
    private func sweep(_ place: Place, isWide: Bool) throws(EngineError) -> Place? {
        passedOver = 0
        extraCanaries = ProbeCount()
        noteOmissions(place.round, place.position)
        guard !slowHosts.isEmpty else { return try sweep(.all, place, isWide: isWide) }
        // A run that goes on knows nobody as slow: it must go over all of the round again, until the slow ones have their turn.
        books.state.withLock { $0.repeatFrom = place.position }
        if let stopped = try sweep(.steady, place, isWide: isWide) { return stopped }
        books.state.withLock { $0.repeatFrom = nil }
        swapCrowds()
        defer { swapCrowds() }
        return try sweep(.slow, place, isWide: isWide)
    }

    /// The slow hosts have a rate of their own and a silence of their own.
    private func swapCrowds() {
        swap(&controller, &slowController)
        swap(&outage, &slowOutage)
        if controller == nil { controller = slowController }
    }

    /// A round's pass over the silent targets of some hosts from `place` on, and again over the parts that were sent too fast.
    private func sweep(_ crowd: Crowd, _ place: Place, isWide: Bool) throws(EngineError) -> Place? {
        let end = table.positions.upperBound
        self.crowd = crowd
        controller?.beginRound()
        outage.beginRound()
        guard let silent = capRate(place, isWide: isWide) else { return place }
        canaries.begin(round: place.round, chunk: table.positions.count, silent: silent)
        var parts = [place.position..<end]
        for turn in 0...Self.mostRepeats {
            (lossy, dark) = ([], [])
            isRepeating = turn > 0
            lastSent = 0
            absence?.from = parts[0].lowerBound
            books.sendLogs[place.round].begin()
            for part in parts {
                if let position = try pass(place.round, part, isWide: isWide, isFirst: place.round == 0 && turn == 0) {
                    return rewound(place.round, position)
                }
            }
            // What may be lost on the way to a gateway that has moved is seen in time for this pass.
            if table.silentCount > 0 { try watchWays(place.round, end, SteadyClock.nanoseconds(), isUrgent: true) }
            guard awaitAnswers() else { return rewound(place.round, end) }
            try finishLooks(place.round, end)
            if place.round == 0, turn == 0 { judgeSuspects() }
            if case .dawn(let begin)? = outage.endPass() { noteDark(passFrom, until: begin) }
            guard try askTail(), try outlast(until: end) else { return rewound(place.round, end) }
            // Errors about what was sent into the dark may have come late.
            for part in dark { reopenRefused(in: part, isFirst: false) }
            guard !lossy.isEmpty, table.silentCount > 0 else { return nil }
            parts = Self.merged(lossy)
            let first = crowd == .steady ? min(parts[0].lowerBound, place.position) : parts[0].lowerBound
            books.state.withLock { $0.repeatFrom = first }
        }
        return nil
    }

    /// How often lossy parts are sent again within a round; then the next round has them.
    private static let mostRepeats = 8

    static func merged(_ ranges: [Range<UInt64>]) -> [Range<UInt64>] {
        ranges.filter { !$0.isEmpty }.sorted { $0.lowerBound < $1.lowerBound }.reduce(into: []) { merged, next in
            guard let last = merged.last, last.upperBound >= next.lowerBound else { return merged.append(next) }
            merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, next.upperBound)
        }
    }

    /// Waits until all targets of the chunk have answered or the last probe's time is up; false when the run is stopped.
    func awaitAnswers(until isComplete: () -> Bool = { false }) -> Bool {
        var isCaughtUp = false
        while table.silentCount > 0, !isComplete() {
            if books.isStopping { return false }
            let now = SteadyClock.nanoseconds()
            telemetry.transmitPulse.store(now, ordering: .relaxed)
            judgeStretches(now)
            // The time-out follows the answers that come in meanwhile.
            let rest = lastSent + books.answerTimeout * 1000 - now
            if rest > 0 {
                books.transmitWake.wait(nanoseconds: min(rest, 50_000_000))
            } else {
                if isCaughtUp { break }
                books.awaitCapture()
            }
            isCaughtUp = rest <= 0
        }
        judgeStretches(.max)
        return true
    }

    /// Before silence is believed: waits until the answers of slower hosts than those that have answered would have come; how many did, nil when the
    /// run is stopped. Where only ICMP errors have come, an answer may be just behind.
    private func awaitLateAnswers() -> Int? {
        while !books.isStopping {
            let now = SteadyClock.nanoseconds()
            telemetry.transmitPulse.store(now, ordering: .relaxed)
            let (estimator, hosts, refused) = books.state.withLock { ($0.roundTrips, $0.hostRoundTrips, $0.refusals.count) }
            let isSilent = table.silentCount > 0
            let slowest = isSilent ? slowestHost(ofSilentIn: hosts) : nil
            let (afterLast, afterFirst) = slowest.map { estimator.lastPatience(amongHostsOf: $0) } ?? estimator.lastPatience
            let end =
                isSilent
                ? max(chunkSent.all + afterLast * 1000, chunkSent.first + afterFirst * 1000)
                : refused > 0 ? chunkSent.all + books.answerTimeout * 1000 : 0
            guard now < end else {
                if isSilent || refused > 0 { books.awaitCapture() }
                return books.state.withLock { $0.takeLateAnswers() }
            }
            books.transmitWake.wait(nanoseconds: min(end - now, 50_000_000))
        }
        return nil
    }

    /// The slowest answer of the hosts whose targets are silent, µs; nil where one of them has not answered, or there are too many to look at.
    private func slowestHost(ofSilentIn hosts: HostRoundTrips) -> Int64? {
        guard table.silentCount <= Self.mostSilentLooks else { return nil }
        var (position, slowest) = (table.positions.lowerBound, Int64(0))
        while let next = table.nextSilent(from: position, before: table.positions.upperBound) {
            position = next + 1
            guard let target = space.target(at: permutation.index(at: next)) else { continue }
            guard let known = hosts.slowest(of: target.address) else { return nil }
            slowest = max(slowest, known)
        }
        return slowest
    }

    /// Looking at so many takes some milliseconds; a scan with more silent targets takes no notice of the wait.
    private static let mostSilentLooks = 1 << 17

    /// A place from which no probe is missing whose answer may still be on its way.
    private func rewound(_ round: Int, _ position: UInt64) -> Place {
        Place(round: round, position: min(books.state.withLock { books.safePosition($0) }, position))
    }

    /// Whether every target of the job is in the books.
    private var isThrough: Bool {
        books.state.withLock { $0.current.positions.lowerBound == space.count }
    }

    /// Behind the last of the chunk's sweeps.
    private var endOfRounds: Place {
        Place(round: max(0, books.state.withLock { $0.sweeps.count } - 1), position: table.positions.upperBound)
    }
}
