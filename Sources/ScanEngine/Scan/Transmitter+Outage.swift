import Synchronization

/// A path that has gone is waited for: what is sent into the dark is sent again when it is back.
extension Transmitter {
    /// How often it is looked whether the path is back, ns, and how long at most, before the run gives up.
    private static let lookInterval: Int64 = 100_000_000
    private static let patience: Int64 = 600_000_000_000
    /// So long neighbours may be silent before they are asked for their hardware addresses once more; ns.
    private static let patienceWithNeighbors: Int64 = 10_000_000_000
    /// So long the kernel may have no room before that counts as an obstacle; ns.
    private static let patienceWithKernel: Int64 = 500_000_000

    /// While nothing answers any more, waits until something does. What was sent since then, up to `position`, is to be sent again. False when the
    /// run is stopped meanwhile.
    func outlast(until position: UInt64) throws(EngineError) -> Bool {
        guard let from = darkFrom else { return true }
        noteLossy(from, until: position)
        defer { books.meet(nil) }
        let start = SteadyClock.nanoseconds()
        while !books.isStopping {
            guard SteadyClock.nanoseconds() - start < Self.patience else {
                throw EngineError(
                    .silence, "Nothing has answered for ten minutes, though ports that are known to answer were asked again and again.")
            }
            if brake.isOn {
                telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
                books.transmitWake.wait(nanoseconds: Self.lookInterval)
                continue
            }
            let (round, now) = (telemetry.round.load(ordering: .relaxed), SteadyClock.nanoseconds())
            refreshScope(round, position)
            try watchWays(round, position, now, isUrgent: true)
            if now - start > Self.patienceWithNeighbors, lanes.contains(where: \.needsNeighbors) {
                throw EngineError(.unroutable, "Nothing answers any more: the neighbours of this machine are asked for anew.")
            }
            if try isAnsweredAgain() {
                darkFrom = nil
                outage.forget()
                let now = SteadyClock.nanoseconds()
                pacer.resume(now: now)
                books.state.withLock { $0.stretches.begin() }
                (stretchEnd, nextVerdict, stretchSent) = (0, 0, Added())
                return true
            } else {
                books.meet("nothing answers any more")
            }
        }
        return false
    }

    /// Asks a few targets that have answered.
    private func isAnsweredAgain() throws(EngineError) -> Bool {
        books.state.withLock { $0.recentCanaries.begin() }
        let now = SteadyClock.nanoseconds()
        for target in canaries.next(8, table) {
            guard add(target, from: firstPort &+ SourcePortBlock.recentCanaries, at: target) else { continue }
            books.state.withLock { $0.recentCanaries.note(target, at: 0, time: now) }
        }
        _ = try flush()
        let end = SteadyClock.nanoseconds() + Self.lookInterval
        while !books.isStopping, case let rest = end - SteadyClock.nanoseconds(), rest > 0 {
            telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
            books.transmitWake.wait(nanoseconds: min(rest, 2_000_000))
            if books.state.withLock({ $0.recentCanaries.canaries.answered > 0 }) { return true }
        }
        return false
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
