import PacketIO
import ScanCore
import ScanTargets
import Synchronization

/// Sending: one pass over a part of the order.
extension Transmitter {
    /// Sends one probe to each silent target in `part`; the position reached when the run is stopped. A narrow pass (`!isWide`) leaves out the
    /// unlikely ones. `isFirst`: nothing in the part has been asked before.
    func pass(_ round: Int, _ part: Range<UInt64>, isWide: Bool, isFirst: Bool) throws(EngineError) -> UInt64? {
        let log = books.sendLogs[round]
        let ports = (probe: firstPort &+ UInt16(truncatingIfNeeded: round), canary: firstPort &+ SourcePortBlock.canarySlot(ofRound: round))
        var position = part.lowerBound
        (passFrom, unjudgedFrom) = (position, position)
        outage.beginPass()
        books.state.withLock { $0.stretches.begin() }
        (stretchEnd, nextVerdict) = (0, 0)
        pacer.resume(now: SteadyClock.nanoseconds())
        while let next = table.nextSilent(from: position, before: part.upperBound) {
            position = next
            if books.isStopping { return position }
            refreshScope(round, position)
            let now = SteadyClock.nanoseconds()
            telemetry.transmitPulse.store(now, ordering: .relaxed)
            adjustRate(position, isFirst: isFirst, now)
            try watchWays(round, position, now)
            if isFirst { watchFloods(now) }
            guard try outlast(until: position) else { return position }
            try lookForTheAbsent(position, now)
            if scope.currentVersion != scopeVersion { continue }
            let isHeld = brake.isOn || sink.isFull
            let permitted = isHeld ? 0 : min(pacer.permitted(now: now), caps.permitted(now: now))
            guard permitted > 0 else {
                // While it is held the pacer may owe probes: look again shortly.
                let delay = max(pacer.delay(now: now), caps.delay, isHeld ? 1_000_000 : 0)
                books.transmitWake.wait(nanoseconds: min(delay, Self.longestWait))
                continue
            }
            log.note(position, at: WallClock.microseconds())
            let added = fill(permitted, &position, part.upperBound, ports, isWide: isWide, isFirst: isFirst, now)
            settleLeftOut()
            guard added.all > 0 || lanes.allSatisfy(\.hasRoom) else {
                // The kernel has not given back a single frame's memory.
                _ = mayGoOn()
                continue
            }
            stretchSent.first += added.first
            stretchSent.canaries += added.canaries
            if let dropped = try flush() { position = dropped }
            // Whoever carries the answers on this machine goes before more probes.
            WorkerThread.yield()
            noteBlockade(round, position)
            pacer.spend(added.all, now: now)
            caps.spend(added.all)
            telemetry.position.store(position, ordering: .relaxed)
            telemetry.observe(now, probes: added.all)
        }
        closeStretch(position, SteadyClock.nanoseconds())
        if lastSent > 0 {
            chunkSent = (round == 0 ? lastSent : chunkSent.first, lastSent)
            telemetry.lastProbe.store(lastSent, ordering: .relaxed)
        }
        return nil
    }

    /// So many targets are looked at from one look at the clock to the next.
    static let mostLooks = 4096

    /// Puts up to `count` probes into the lanes, moving `position` behind the last; how many.
    ///
    /// This is the packet path: what a probe needs is in local variables, plain numbers and pointers whose owners outlive the call, so that nothing
    /// is allocated, locked or counted for a probe.
    private func fill(
        _ count: Int, _ position: inout UInt64, _ end: UInt64, _ ports: (probe: UInt16, canary: UInt16), isWide: Bool, isFirst: Bool,
        _ now: Int64
    ) -> Added {
        var added = Added()
        for lane in lanes { _ = lane.makeRoom() }
        let (table, permutation, targets, ways, writers) = (table, permutation, space.v4, ways.view, writers)
        let watchesFloods = isFirst && !floods.isIdle
        let leavesOut = crowd != .all || !isWide || watchesFloods || !unreachedPorts.isEmpty
        // Frames until the next canary is due.
        var untilCanary = hasCanaries ? canaries.rest : Int.max
        // Skipped targets need no permission, but the clock and the stop flag must be looked at now and then.
        var looked = 0
        filling: while added.all < count, looked < Self.mostLooks {
            let found = upcoming.look(count &- added.all, from: position, before: end, table, permutation, targets, ways, port: ports.probe)
            guard found.count > 0 else { break }
            looked &+= found.count
            if found.isUniform, !leavesOut, untilCanary >= found.count, addAll(found.count) {
                untilCanary &-= found.count
                added.first &+= found.count
                position = upcoming.positions[found.count &- 1] &+ 1
                continue
            }
            var place = 0
            while place < found.count, added.all < count {
                let (next, index) = (upcoming.positions[place], upcoming.indexes[place])
                let (aim, way) = (upcoming.aims[place], upcoming.ways[place])
                position = next &+ 1
                place &+= 1
                guard index < targets.count else {
                    let more = fillOther(next, index, ports, isWide: isWide, isFirst: isFirst, now, &untilCanary, &added)
                    position = more ?? next
                    if more == nil { break filling }
                    if more == next { place &-= 1 }
                    continue
                }
                guard way.lane >= 0 else { continue }
                let writer = writers[way.lane]
                guard writer.pointee.room > 0 else {
                    position = next
                    break filling
                }
                if leavesOut, isLeftOut(IPAddress(v4: aim.destination), aim.port, at: next, isWide: isWide, watchesFloods) { continue }
                // In a slot of its own: right behind another frame it would find a path that counts packets used up by that one.
                if untilCanary == 0 {
                    canaries.draw()
                    untilCanary = canaries.rest
                    if addCanary(ports.canary, at: next, isFirst: isFirst) {
                        added.canaries &+= 1
                        position = next
                        place &-= 1
                        continue
                    }
                } else {
                    untilCanary &-= 1
                }
                if watchesFloods { floods.note(IPAddress(v4: aim.destination), next, now: now) }
                writer.pointee.add(next, aim, by: way.hop)
                added.first &+= 1
            }
        }
        if hasCanaries { canaries.rest = untilCanary }
        return added
    }

    /// Puts all of the upcoming targets, which go the same way, into their lane; false when each needs its own look.
    @inline(__always)
    private func addAll(_ count: Int) -> Bool {
        let way = upcoming.ways[0]
        guard way.lane >= 0, way.hop == 0, case let writer = writers[way.lane], writer.pointee.room >= count else { return false }
        writer.pointee.add(upcoming.positions, upcoming.aims, count: count)
        return true
    }

    /// Whether the pass is not for this target, and why not is in the books.
    @inline(never)
    private func isLeftOut(_ address: IPAddress, _ port: UInt16, at position: UInt64, isWide: Bool, _ watchesFloods: Bool) -> Bool {
        guard isOfCrowd(address) else { return true }
        guard isWide || books.tally.isLikely(address, port) else {
            passedOver += 1
            return true
        }
        guard watchesFloods && floods.isFlooded(address) || unreachedReason(address, port) != nil else { return false }
        leftOut.append(position)
        return true
    }

    /// The same for one target that is IPv6 or was named with its port: the position to go on from, nil when its lane has no room.
    private func fillOther(
        _ position: UInt64, _ index: UInt64, _ ports: (probe: UInt16, canary: UInt16), isWide: Bool, isFirst: Bool, _ now: Int64,
        _ untilCanary: inout Int, _ added: inout Added
    ) -> UInt64? {
        let after = position + 1
        guard let target = space.target(at: index), case let way = ways.view.way(for: target.address), way.lane >= 0 else { return after }
        let writer = writers[way.lane]
        guard writer.pointee.room > 0 else { return nil }
        let watchesFloods = isFirst && !floods.isIdle
        if isLeftOut(target.address, target.port, at: position, isWide: isWide, watchesFloods) { return after }
        if untilCanary == 0 {
            canaries.draw()
            untilCanary = canaries.rest
            if addCanary(ports.canary, at: position, isFirst: isFirst) {
                added.canaries += 1
                return position
            }
        } else {
            untilCanary -= 1
        }
        if watchesFloods { floods.note(target.address, position, now: now) }
        writer.pointee.add(position, target, by: way.hop, from: ports.probe)
        added.first += 1
        return after
    }

    @inline(__always)
    func isOfCrowd(_ address: IPAddress) -> Bool {
        crowd == .all || slowHosts.contains(address) == (crowd == .slow)
    }

    /// Puts a probe for a target that has answered into a lane; false when there is none, or no room.
    private func addCanary(_ port: UInt16, at position: UInt64, isFirst: Bool) -> Bool {
        let now = SteadyClock.nanoseconds()
        let patience = books.answerTimeout * 1000
        guard let target = (isFirst ? nil : sibling(of: position)) ?? canaries.choose(table), !isAbsent(target),
            books.state.withLock({ !$0.canaries.isFull && !$0.canaries.isPending(target, since: now - patience) }),
            add(target, from: port, at: position)
        else { return false }
        books.state.withLock { $0.canaries.note(target, at: position, time: now) }
        canaries.noteSent()
        return true
    }

    /// A target on the same host that has answered: after the first pass what is silent may be so because its host loses more than others, and
    /// then canaries must tell of such hosts.
    private func sibling(of position: UInt64) -> UInt64? {
        let siblings = space.siblings(of: permutation.index(at: position))
        return canaries.choose(among: UInt64(siblings.count), table) { permutation.position(of: siblings.lowerBound + $0) }
    }

    /// Puts one more probe for the target at `position` into its lane, when the pass has come to `place`; false when that has no room or it may
    /// not be probed.
    func add(_ position: UInt64, from port: UInt16, at place: UInt64) -> Bool {
        guard scope.currentVersion == scopeVersion, let target = space.target(at: permutation.index(at: position)),
            case let way = ways.view.way(for: target.address),
            way.lane >= 0, lanes[way.lane].makeRoom()
        else { return false }
        writers[way.lane].pointee.add(place, target, by: way.hop, from: port)
        return true
    }

    /// Takes over a new scope from `position` on.
    func refreshScope(_ round: Int, _ position: UInt64) {
        let version = scope.currentVersion
        guard version != scopeVersion else { return }
        scopeVersion = version
        rebuildWays()
        // What a repeated part asks, or a pass over the slow hosts alone, is only a part of the round: that was judged when the round came by.
        if !isRepeating, crowd != .slow { noteOmissions(round, position) }
    }

    func noteOmissions(_ round: Int, _ position: UInt64) {
        let leftOut = specification.selection.addresses.subtracting(reachable).subtracting(unresolved)
        let (parts, rest) = (omissions(of: leftOut), position..<table.positions.upperBound)
        books.state.withLock { $0.omissions.begin(round, rest, leavingOut: parts) }
    }

    /// Sends what is in the lanes. Where the kernel has no room it waits, but not over a halt, a new scope or a stop: what has not left then
    /// is dropped, and the position to go on from is returned.
    func flush() throws(EngineError) -> UInt64? {
        var dropped: UInt64?
        for lane in lanes where lane.pending > 0 {
            let sent = dropped == nil ? try lane.flush(whileBusy: mayGoOn) : lane.drop()
            if let position = sent.dropped { dropped = min(dropped ?? position, position) }
            telemetry.probesSent.add(Int64(sent.probes), ordering: .relaxed)
            try settleRefused(sent.refused, by: lane)
            lastSent = SteadyClock.nanoseconds()
        }
        return dropped
    }

    /// Waits a moment; false when frames made before may no longer leave.
    private func mayGoOn() -> Bool {
        let waited = blockedSince > 0 ? SteadyClock.nanoseconds() - blockedSince : 0
        books.transmitWake.wait(nanoseconds: min(max(waited / 8, Self.shortestBreak), Self.longestBreak))
        let now = SteadyClock.nanoseconds()
        telemetry.transmitPulse.store(now, ordering: .relaxed)
        watchBlockade(now)
        return !brake.isOn && !books.isStopping && scope.currentVersion == scopeVersion
    }

    /// How long the thread waits at a time while the interface takes nothing, ns: less than it takes a fast one to run dry (256 frames, of which a
    /// million leave in a second), and longer when it is slow or has lost its carrier.
    private static let shortestBreak: Int64 = 50_000
    private static let longestBreak: Int64 = 1_000_000
}
