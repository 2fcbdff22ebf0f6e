import PacketIO
import ScanCore
import ScanTargets
import Synchronization

/// A path that has gone is waited for: what is sent into the dark is sent again when it is back.
extension Transmitter {
    /// How often is looked for answers while the path is waited for, ns.
    private static let lookInterval: Int64 = 10_000_000
    /// So long a check is no obstacle yet, ns.
    private static let patienceWithAnswers: Int64 = 1_000_000_000
    /// How often neighbours are asked for their hardware addresses once more at first, ns; each time only after twice as long.
    private static let neighborInterval: Int64 = 10_000_000_000
    /// So long the kernel may have no room before that counts as an obstacle; ns.
    private static let patienceWithKernel: Int64 = 500_000_000
    private static let fewQuestions = 4
    /// Of so many targets that have answered the hosts are looked at.
    private static let mostLooked = 4096

    /// While nothing answers any more, waits until something does, or it is clear that the path is there and only few hosts have gone. What was sent
    /// since then, up to `position`, is to be sent again. False when the run is stopped meanwhile; throws `silence` when it gives up.
    func outlast(until position: UInt64) throws(EngineError) -> Bool {
        guard let from = darkFrom else { return true }
        // Noted at once: should the run end while it waits, the next one sends it again.
        noteDark(from, until: position)
        defer { reopenRefused(in: from..<max(from, position), isFirst: false) }
        books.state.withLock { $0.recentCanaries.begin() }
        let (start, began) = (WallClock.microseconds(), SteadyClock.nanoseconds())
        var vigil = Vigil(patience: Int64(specification.giveUp) * 1_000_000_000, now: began)
        let silent = silentHosts()
        var othersSince: Int64?
        var links = (next: Self.neighborInterval, isAlive: false)
        while !books.isStopping {
            let now = SteadyClock.nanoseconds()
            telemetry.transmitPulse.store(now, ordering: .relaxed)
            if brake.isOn {
                books.transmitWake.wait(nanoseconds: Self.lookInterval)
                vigil.hold(SteadyClock.nanoseconds() - now)
                continue
            }
            let round = telemetry.round.load(ordering: .relaxed)
            refreshScope(round, position)
            try watchWays(round, position, now, isUrgent: vigil.elapsed(now) < Self.neighborInterval)
            if vigil.elapsed(now) >= links.next {
                links = (links.next * 2, try askNeighborsAgain())
            }
            switch signOfLife() {
            case .answered: return goOn()
            case .unasked where othersSince == nil:
                // The path is there. Whether those that answered before are, too, is asked before they are given up.
                othersSince = now
                for target in canaries.next(Self.fewQuestions, table) { _ = askAgain(target, now) }
                _ = try flush()
            case .unasked where now - (othersSince ?? now) > max(Self.patienceWithAnswers, books.answerTimeout * 1500):
                learnAnew(without: [])
                return goOn()
            case .unasked, nil: break
            }
            switch vigil.verdict(silentHosts: silent.count, isHopAlive: isHopAlive(since: start, links.isAlive), now) {
            case .wait: break
            case .goOn where hasOthers(than: silent):
                learnAnew(without: silent)
                absence = Absence(from: position, vigil: vigil, since: now)
                return goOn()
            case .goOn: break
            case .giveUp: throw EngineError(.silence, silenceWords)
            }
            try ask(vigil.question(now), from: position, now)
            if vigil.elapsed(now) > max(Self.patienceWithAnswers, books.answerTimeout * 1500) { books.meet("nothing answers any more") }
            books.transmitWake.wait(nanoseconds: min(Self.lookInterval, max(1_000_000, vigil.rest(now))))
        }
        books.meet(nil)
        return false
    }

    /// What was sent into the dark is to be sent again, and what ICMP errors said about it is no answer.
    func noteDark(_ from: UInt64, until position: UInt64) {
        noteLossy(from, until: position)
        guard from < position else { return }
        dark.append(from..<position)
        reopenRefused(in: from..<position, isFirst: false)
    }

    /// The path is there: the pass goes on.
    private func goOn() -> Bool {
        darkFrom = nil
        books.meet(nil)
        outage.forget()
        pacer.resume(now: SteadyClock.nanoseconds())
        books.state.withLock { $0.stretches.begin() }
        (stretchEnd, nextVerdict, stretchSent) = (0, 0, Added())
        return true
    }

    /// Asks one target, if a question is due: one that has answered, or one that has not been asked yet.
    private func ask(_ question: Vigil.Question?, from position: UInt64, _ now: Int64) throws(EngineError) {
        guard let question else { return }
        let known = knownTarget(table) ?? books.state.withLock { $0.previous }.flatMap(knownTarget)
        let unasked = unaskedTarget(from: position)
        guard let target = question == .answered ? known ?? unasked : unasked ?? known else { return }
        if askAgain(target, now) { _ = try flush() }
    }

    /// The next target that has answered and whose host is not known to be absent.
    private func knownTarget(_ table: ProbeTable) -> UInt64? {
        canaries.next(absentHosts.isEmpty ? 1 : Self.fewQuestions, table).first { !isAbsent($0) }
    }

    /// A target that this pass has not come to yet; where there is none, one that is silent.
    private func unaskedTarget(from position: UInt64) -> UInt64? {
        let (lower, upper) = (max(position, vigilTurn), table.positions.upperBound)
        let next = table.nextSilent(from: lower, before: upper) ?? table.nextSilent(from: table.positions.lowerBound, before: lower)
        vigilTurn = next.map { $0 + 1 } ?? 0
        return next
    }

    /// Sends one more probe, beside the order, to the target at `position`; false where none can leave.
    func askAgain(_ position: UInt64, _ now: Int64) -> Bool {
        guard add(position, from: firstPort &+ SourcePortBlock.recentCanaries, at: position) else { return false }
        let time = UInt64(clamping: WallClock.microseconds())
        books.state.withLock { state in
            guard !state.recentCanaries.isFull else { return }
            // Of two that are under way nobody can tell which was answered.
            state.recentCanaries.note(position, at: state.recentCanaries.isPending(position, since: 0) ? 0 : time, time: now)
        }
        return true
    }

    /// Who has answered what was asked beside the order: one that had answered before, or only others.
    private func signOfLife() -> Vigil.Question? {
        books.state.withLock { state in
            let answered = state.recentCanaries.answered
            guard !answered.isEmpty else { return nil }
            let hasAnsweredBefore = answered.contains { position in
                guard let table = [state.current, state.previous].compactMap({ $0 }).first(where: { $0.positions.contains(position) })
                else { return false }
                return table.state(at: position).map { $0 == .open || $0 == .closed } == true
            }
            return hasAnsweredBefore ? .answered : .unasked
        }
    }

    /// The hosts that have answered so far, except those that are known to be absent; a few of them where they are many.
    private func silentHosts() -> Set<IPAddress> {
        var hosts: Set<IPAddress> = []
        for table in [table, books.state.withLock { $0.previous }].compactMap({ $0 }) {
            var position = table.positions.lowerBound
            for _ in 0..<Self.mostLooked where hosts.count < Vigil.manyHosts {
                guard let next = table.nextAnswered(from: position, before: table.positions.upperBound) else { break }
                position = next + 1
                if let address = space.target(at: permutation.index(at: next))?.address, !isAbsent(next) { hosts.insert(address) }
            }
        }
        return hosts
    }

    private func hasOthers(than hosts: Set<IPAddress>) -> Bool {
        reachable.count > UInt128(hosts.union(absentHosts).count)
    }

    /// Whether the next hop of every way has answered since `start` (µs since the epoch); nil where there is none that could be asked.
    private func isHopAlive(since start: Int64, _ areNeighborsAlive: Bool) -> Bool? {
        lanes.reduce(Bool?.none) { sum, lane in
            if let gateway = lane.gateway { return (sum ?? true) && gateway.confirmed >= start }
            return lane.needsNeighbors ? (sum ?? true) && areNeighborsAlive : sum
        }
    }

    /// Why a run gives up.
    var silenceWords: String {
        let (minutes, seconds) = (specification.giveUp / 60, specification.giveUp % 60)
        let time = seconds == 0 ? "\(minutes) min" : minutes == 0 ? "\(seconds) s" : "\(minutes) min \(seconds) s"
        return "nothing has answered for \(time) ([limits] give_up), neither what had answered before nor what was not asked yet"
    }

    /// The kernel has had no room: after a while that is an obstacle, such as a cable that was pulled.
    func watchBlockade(_ now: Int64) {
        if blockedSince == 0 {
            blockedSince = now
            doubtfulSince = WallClock.microseconds() - books.answerTimeout
        }
        if now - blockedSince > Self.patienceWithKernel {
            let reason = lanes.lazy.compactMap(\.obstacle).first
            books.meet(reason ?? "the interface takes no packets: its cable or its other end is missing")
        }
    }

    /// The kernel has room: after a long want of it, what was sent shortly before may never have left, or its answers never have come.
    func noteBlockade(_ round: Int, _ position: UInt64) {
        guard blockedSince > 0 else { return }
        let wasLong = SteadyClock.nanoseconds() - blockedSince > Self.patienceWithKernel
        blockedSince = 0
        guard wasLong, !brake.isOn else { return books.meet(nil) }
        let from = books.sendLogs[round].position(at: doubtfulSince) ?? books.state.withLock { $0.pass.start }
        noteLossy(from, until: position)
        // What an interface without a carrier drops is no sign of how much it takes.
        for lane in lanes { _ = lane.takeDrops() }
        books.state.withLock { $0.stretches.begin() }
        (stretchEnd, stretchSent) = (0, Added())
        outage.forget()
        books.meet(nil)
    }
}
