import PacketIO
import ScanCore
import ScanTargets
import Synchronization

/// How complete the chunk is, and whether another sweep is needed.
extension Transmitter {
    /// Takes the sweep that is over into the books.
    func noteSweep(isWide: Bool) {
        let extra = extraCanaries
        books.state.withLock { state in
            var canaries = state.canaries.canaries
            canaries += extra
            state.sweeps.append(
                RecallEvidence.Sweep(canaries: canaries, isWide: isWide, open: state.found.open, answers: state.found.answers))
            (state.found, state.awaitsLate) = (ScanBooks.SweepCount(), true)
            state.counters.canariesSent += Int64(canaries.sent)
            state.counters.canariesAnswered += Int64(canaries.answered)
        }
    }

    /// Judges the sweeps so far; whether the next one is wide, nil when none is needed or the run is stopped.
    func judgeSweep(_ round: Int) throws(EngineError) -> Bool? {
        let isDoubtful = round < specification.retries && reopenDoubtful()
        let evidence = books.state.withLock { known($0) }
        lastEvidence = evidence
        noteSlowHosts(after: evidence.sweeps.count)
        let isLast = evidence.sweeps.count > specification.retries
        guard evidence.silent > 0 else { return !isLast && hasStrayRefusals ? evidence.answers == 0 : nil }
        if !isLast, mayAskLeftOut { return true }
        guard let goal = specification.recall else { return isLast ? nil : true }
        // What was left out must have its chance, and what a router's errors may have hidden.
        let mustBeWide = books.state.withLock { !$0.omissions.isEmpty }
        if isDoubtful { return true }
        if evidence.sweeps.count == 1, !isLast { return evidence.answers == 0 || mustBeWide }
        if evidence.answers == 0 { return nil }
        if isLast || RecallEstimate(evidence, seed: seed).reaches(goal) {
            guard let checked = try askLastAnswersAgain(evidence) else { return nil }
            lastEvidence = checked
            if isLast || RecallEstimate(checked, seed: seed).reaches(goal) { return nil }
        }
        return mustBeWide || RecallEstimate(evidence, seed: seed).needsWideSweep(goal)
    }

    /// By the canaries of a later round, which go to the hosts that have silent targets left.
    private func noteSlowHosts(after sweeps: Int) {
        guard sweeps > 1, controller != nil else { return }
        let canaries = books.state.withLock { $0.canaries }
        slowHosts.judge(canaries.canaries { [space, permutation] in space.target(at: permutation.index(at: $0))?.address })
    }

    /// One pass alone is asked for without an estimate, and gets none.
    var hasCanaries: Bool { specification.recall != nil && specification.retries > 0 }

    var seed: UInt64 { specification.key.word(3) }

    /// What is known at present; under the lock.
    private func known(_ state: borrowing ScanBooks.State) -> RecallEvidence {
        var evidence = RecallEvidence()
        evidence.sweeps = state.sweeps
        evidence.silent = table.silentCount
        evidence.unlikely = passedOver
        evidence.singlePorts = books.tally.singlePorts
        return evidence
    }

    /// Sends canaries to the targets that answered in the last sweeps, several times where they are few; the evidence with what came back,
    /// nil when the run is stopped.
    private func askLastAnswersAgain(_ evidence: RecallEvidence) throws(EngineError) -> RecallEvidence? {
        var evidence = evidence
        let first = evidence.sweeps.count - evidence.lastSweeps
        let targets = books.state.withLock { $0.recentAnswers.targets(since: first, most: 200) }.filter { !isAbsent($0) }
        guard let recent = try sendCanaries(200, to: targets) else { return nil }
        evidence.recent = recent
        return evidence
    }

    /// Asks canaries at the end of a part: where the round was too short for enough of them, and where its last probes had no answer, in case the
    /// path went just then. False when the run is stopped.
    func askTail() throws(EngineError) -> Bool {
        guard hasCanaries, darkFrom == nil, table.silentCount > 0 else { return true }
        let missing = CanaryChoice.least - books.state.withLock { $0.canaries.canaries.sent } - extraCanaries.sent
        guard missing > 0 || outage.isTailDark else { return true }
        let count = missing > 0 ? missing : Self.tailCanaries
        let targets = canaries.choose(missing > 0 ? CanaryChoice.least : Self.tailCanaries, table).filter { !isAbsent($0) }
        guard let asked = try sendCanaries(count, to: targets) else { return false }
        darkFrom = outage.isTailDark ? outage.judge(asked: asked) : nil
        if darkFrom == nil, missing > 0 { extraCanaries += asked }
        return true
    }

    /// So many are asked whether the end of a part was answered.
    private static let tailCanaries = 8

    /// Sends about `count` canaries to these targets, several to each where they are few, one after another is over; nil when the run is stopped.
    private func sendCanaries(_ count: Int, to targets: [UInt64]) throws(EngineError) -> ProbeCount? {
        var sum = ProbeCount()
        guard !targets.isEmpty else { return sum }
        for _ in 0..<min(8, (count + targets.count - 1) / targets.count) {
            guard let turn = try canaryTurn(targets) else { return nil }
            sum += turn
        }
        return sum
    }

    private func canaryTurn(_ targets: [UInt64]) throws(EngineError) -> ProbeCount? {
        books.state.withLock { $0.recentCanaries.begin() }
        pacer.resume(now: SteadyClock.nanoseconds())
        var next = 0
        while next < targets.count {
            if books.isStopping { return nil }
            let now = SteadyClock.nanoseconds()
            telemetry.transmitPulse.store(now, ordering: .relaxed)
            let permitted = brake.isOn ? 0 : pacer.permitted(now: now)
            guard permitted > 0 else {
                books.transmitWake.wait(nanoseconds: min(max(pacer.delay(now: now), 100_000), Self.longestWait))
                continue
            }
            let batch = targets[next..<min(next + permitted, targets.count)]
            next = batch.endIndex
            for target in batch { _ = askAgain(target, now) }
            _ = try flush()
            pacer.spend(batch.count, now: now)
        }
        guard awaitAnswers(until: { [books] in books.state.withLock { $0.recentCanaries.isAnswered } }) else { return nil }
        return books.state.withLock { $0.recentCanaries.canaries }
    }

    /// What is known in the end of how complete the chunk is; before what is silent is settled.
    func finalEvidence() -> RecallEvidence {
        var evidence = books.state.withLock { known($0) }
        // What the last answers said when they were asked again holds as long as no sweep came after it.
        if let lastEvidence, lastEvidence.sweeps == evidence.sweeps { evidence.recent = lastEvidence.recent }
        return evidence
    }

    /// Notes how complete the chunk is; under the lock, when the chunk is closed.
    func noteRecall(_ evidence: RecallEvidence, _ state: inout ScanBooks.State) {
        guard let goal = specification.recall, specification.retries > 0 else { return }
        // Where nothing has answered, nobody knows whether all are silent or too far away.
        guard evidence.answers > 0 || evidence.silent == 0 else { return }
        state.counters.estimatedChunks += 1
        guard evidence.silent > 0 else { return }
        let estimate = RecallEstimate(evidence, seed: seed)
        let missing = estimate.missingOpen
        state.counters.missingLow += Int64(missing.low)
        state.counters.missingMiddle += Int64(missing.middle)
        state.counters.missingHigh += Int64(missing.high)
        if !estimate.reaches(goal) { state.counters.incompleteChunks += 1 }
    }
}
