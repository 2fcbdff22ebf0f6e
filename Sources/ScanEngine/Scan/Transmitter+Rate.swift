import PacketIO
import ScanCore
import ScanTargets
import Synchronization

/// The rate: given, or found by what comes back.
extension Transmitter {
    /// Probes of a stretch.
    struct Added {
        var first = 0
        var canaries = 0

        @inline(__always)
        var all: Int { first &+ canaries }
    }

    /// A stretch is at least that long, and so long is it from one look at the verdicts to the next; ns.
    private static let stretchLength: Int64 = 10_000_000
    private static let verdictInterval: Int64 = 2_000_000

    /// Takes over a new rate: another share of the daemon's, or what the controller says.
    func adjustRate(_ position: UInt64, isFirst: Bool, _ now: Int64) {
        let most = min(books.rate.load(ordering: .relaxed), linkBound.rate) * (absence?.caution(now) ?? 1)
        controller?.limit(to: min(most, caps.sustained))
        if now >= nextVerdict {
            nextVerdict = now + Self.verdictInterval
            judgeStretches(now, position)
        }
        // What the slow hosts bear is not the rate of the scan.
        if let controller, crowd != .slow {
            telemetry.foundRate.store(controller.rate, ordering: .relaxed)
            telemetry.isRateVerified.store(controller.isVerified, ordering: .relaxed)
        }
        let wanted = controller?.rate ?? most
        if wanted != rate {
            rate = wanted
            pacer.change(rate: rate, now: now)
        } else if now < stretchEnd {
            return
        }
        beginStretch(position, isFirst: isFirst, now)
    }

    /// Bounds the pass by how its targets are spread: all targets in the first round, later those that it will ask. How many these are, nil when
    /// the run is stopped.
    func capRate(_ place: Place, isWide: Bool) -> Int? {
        var density = RateCaps.Density(of: specification.selection)
        if place.round > 0 { density.targets = table.silentCount }
        caps.begin(density)
        // Counting a chunk takes seconds. There is no need for it where the bounds hold nobody up, be all of the greatest host still silent.
        if place.round == 0 || isWide && crowd == .all && caps.rate >= Double(specification.rate) { return table.silentCount }
        guard let counted = countSilent(isWide: isWide) else { return nil }
        caps.begin(counted)
        return counted.targets
    }

    /// How the targets that the pass will ask are spread; nil when the run is stopped.
    private func countSilent(isWide: Bool) -> RateCaps.Density? {
        var counter = DensityCounter(addresses: Int(clamping: specification.selection.addresses.count))
        var looked = 0
        var position = table.positions.lowerBound
        while let next = table.nextSilent(from: position, before: table.positions.upperBound) {
            position = next + 1
            looked += 1
            if looked % 65_536 == 0 {
                telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
                if books.isStopping { return nil }
            }
            guard let target = space.target(at: permutation.index(at: next)), isOfCrowd(target.address),
                isWide || books.tally.isLikely(target.address, target.port)
            else { continue }
            counter.add(target.address)
        }
        return counter.density
    }

    private func beginStretch(_ position: UInt64, isFirst: Bool, _ now: Int64) {
        closeStretch(position, now)
        (stretchStart, stretchEnd) = (now, now + Self.stretchLength)
        let stretch = Stretch(rate: rate, isFirst: isFirst, start: position)
        books.state.withLock { $0.stretches.open(stretch) }
    }

    func closeStretch(_ position: UInt64, _ now: Int64) {
        let sent = stretchSent
        stretchSent = Added()
        let dropped = lanes.reduce(0) { $0 + $1.takeDrops() }
        telemetry.linkDrops.add(Int64(dropped), ordering: .relaxed)
        if linkBound.judge(sent: sent.first + sent.canaries, dropped: dropped, elapsed: now - stretchStart, now: now) {
            // What never was on the path says nothing about it.
            if let start = books.state.withLock({ $0.stretches.abandon() }) { noteLossy(start, until: position) }
        } else {
            books.state.withLock { $0.stretches.close(at: now, before: position, first: sent.first, canaries: sent.canaries) }
        }
    }

    /// Judges the stretches whose answers have had the time to come: one and a half round trips, and a little for this machine; all of them
    /// when `now` is `Int64.max`. While the pass goes on it has come to `position`.
    func judgeStretches(_ now: Int64, _ position: UInt64? = nil) {
        let most = min(books.rate.load(ordering: .relaxed), linkBound.rate)
        let time = min(now, SteadyClock.nanoseconds())
        while darkFrom == nil, let stretch = nextStretch(now) {
            switch outage.judge(stretch) {
            case .dark(let from):
                // A path that has gone says nothing about the rate.
                darkFrom = from
                return
            case .dawn(let end): noteDark(passFrom, until: end)
            case nil: break
            }
            switch controller?.judge(stretch, most: most, now: time) {
            case .good: unjudgedFrom = stretch.positions.upperBound
            case .lossy: noteLossy(unjudgedFrom, until: position ?? stretch.positions.upperBound)
            case .lossyThroughout: noteLossy(passFrom, until: position ?? stretch.positions.upperBound)
            case .open, nil: break
            }
        }
    }

    private func nextStretch(_ now: Int64) -> Stretch? {
        // A capture thread that is behind has not seen the answers yet.
        let now = now == .max ? now : min(now, telemetry.takenUntil.load(ordering: .relaxed))
        return books.state.withLock { state in
            let patience = state.roundTrips.patience * 1000 + 10_000_000
            return state.stretches.take(endedBefore: now == .max ? now : now - patience)
        }
    }

    /// What was sent from `start` on is lost: it must be sent again in this round, and its canaries count for nothing.
    func noteLossy(_ start: UInt64, until end: UInt64) {
        unjudgedFrom = max(unjudgedFrom, end)
        guard start < end else { return }
        lossy.append(start..<end)
        books.state.withLock { state in
            state.canaries.void(start..<end)
            state.repeatFrom = min(state.repeatFrom ?? .max, start)
        }
    }
}
