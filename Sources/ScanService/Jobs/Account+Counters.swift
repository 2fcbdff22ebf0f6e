import PacketIO
import ScanAPI
import ScanCore
import ScanEngine
import ScanTargets

extension Account {
    /// Takes the run's books over; `rate` stays.
    mutating func take(_ run: ScanRun) {
        take(run.counters)
        recallGoal = run.recallGoal
        link = run.linkWords
        linkReason = run.linkReason
        let reasons = run.untestedReasons
        guard !reasons.isEmpty else { return }
        // What an earlier run was refused stays so; what it had no way to has been asked since, or is among these.
        untestedReasons = Array((reasons + (untestedReasons ?? []).filter { !reasons.contains($0) }).prefix(Ways.mostSentences))
    }

    /// Adds findings that no run has counted.
    mutating func add(_ findings: [TargetState: Int64]) {
        open += findings[.open, default: 0]
        closed += findings[.closed, default: 0]
        filtered = max(0, filtered + findings[.filtered, default: 0])
        down += findings[.down, default: 0]
        untested += findings[.untested, default: 0]
    }

    private mutating func takeRecall(_ counters: ScanCounters) {
        loss = counters.canariesSent > 0 ? 1 - Double(counters.canariesAnswered) / Double(counters.canariesSent) : nil
        guard counters.estimatedChunks > 0 else { return }
        goalReached = counters.incompleteChunks == 0
        guard open + closed > 0 else { return }
        func share(_ missing: Int64) -> Double { open + missing > 0 ? Double(open) / Double(open + missing) : 1 }
        estimatedRecall = share(counters.missingMiddle)
        recallLow = share(counters.missingHigh)
        recallHigh = share(counters.missingLow)
    }

    /// Takes over what runs have counted.
    mutating func take(_ counters: ScanCounters) {
        targets = counters.targets
        probesSent = counters.probesSent
        replies = counters.replies
        open = counters.open
        closed = counters.closed
        filtered = counters.filtered
        down = counters.down
        untested = counters.untested
        duplicates = counters.duplicates
        rejectedReplies = counters.rejectedReplies
        sendErrors = counters.sendErrors
        linkDrops = counters.linkDrops
        captureDrops = counters.captureDrops
        takeRecall(counters)
        foundRate = counters.foundRate > 0 ? counters.foundRate : nil
        rateVerified = foundRate == nil ? nil : counters.rateVerified > 0
        hostsAnsweringEverything = counters.floodedHosts > 0 ? counters.floodedHosts : nil
        rounds = counters.rounds
        seconds = counters.seconds
    }
}

extension Progress {
    init(_ progress: ScanProgress) {
        self.init(
            round: progress.round, fraction: progress.fraction.bounded(to: 0...1), rate: progress.rate.bounded(to: 0...1e12),
            eta: progress.eta.flatMap { $0.isFinite ? $0.bounded(to: 0...1e12) : nil })
    }
}

extension Double {
    /// Within the range; what is no number becomes the lower bound, because JSON has no word for it.
    fileprivate func bounded(to range: ClosedRange<Double>) -> Double {
        isFinite ? min(max(self, range.lowerBound), range.upperBound) : range.lowerBound
    }
}
