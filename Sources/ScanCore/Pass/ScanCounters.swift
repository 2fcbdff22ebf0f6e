package import ScanTargets

/// The books of a run.
package struct ScanCounters: Sendable, Equatable {
    package var targets: Int64 = 0
    package var probesSent: Int64 = 0
    package var replies: Int64 = 0
    package var open: Int64 = 0
    package var closed: Int64 = 0
    package var filtered: Int64 = 0
    package var down: Int64 = 0
    package var untested: Int64 = 0
    package var duplicates: Int64 = 0
    package var rejectedReplies: Int64 = 0
    package var sendErrors: Int64 = 0
    package var linkDrops: Int64 = 0
    package var captureDrops: Int64 = 0
    package var rounds: Int64 = 0
    /// Probes that were sent to targets known to answer, while the path was not overloaded, and how many of them answered again.
    package var canariesSent: Int64 = 0
    package var canariesAnswered: Int64 = 0
    /// Of the chunks that are over: how many open targets are missing, by the ends and the middle of the estimate.
    package var missingLow: Int64 = 0
    package var missingMiddle: Int64 = 0
    package var missingHigh: Int64 = 0
    /// Chunks for which there is an estimate, and those that are not as complete as was asked for.
    package var estimatedChunks: Int64 = 0
    package var incompleteChunks: Int64 = 0
    /// The rate that was found last, where none was given, and 1 once it has been judged by answers.
    package var foundRate: Int64 = 0
    package var rateVerified: Int64 = 0
    /// Hosts that answer everything. Not part of a checkpoint: the store has a row for each.
    package var floodedHosts: Int64 = 0
    /// Time spent running.
    package var seconds: Double = 0

    package init() {}

    /// One more target is in `state`.
    package mutating func count(_ state: TargetState) {
        switch state {
        case .open: open += 1
        case .closed: closed += 1
        case .filtered: filtered += 1
        case .down: down += 1
        case .untested: untested += 1
        }
    }

    /// A target that was filtered so far has answered itself. One that was left out can have been asked only by a run before this one.
    package mutating func overrule(by state: TargetState) {
        if filtered > 0 {
            filtered -= 1
        } else if untested > 0 {
            untested -= 1
        } else {
            down -= 1
        }
        count(state)
    }

    /// The counts in the order of a checkpoint.
    private static var counts: [WritableKeyPath<ScanCounters, Int64>] {
        [
            \.targets, \.probesSent, \.replies, \.open, \.closed, \.filtered, \.down, \.untested, \.duplicates, \.rejectedReplies,
            \.sendErrors, \.linkDrops, \.captureDrops, \.rounds, \.canariesSent, \.canariesAnswered, \.missingLow, \.missingMiddle,
            \.missingHigh, \.estimatedChunks, \.incompleteChunks, \.foundRate, \.rateVerified,
        ]
    }

    /// Every field as eight bytes, the counts first, for a checkpoint.
    package var words: [UInt64] {
        Self.counts.map { UInt64(bitPattern: self[keyPath: $0]) } + [seconds.bitPattern]
    }

    static let wordCount = 24

    /// What a run can count; far enough from the end of Int64 that sums do not overflow.
    private static let countable: ClosedRange<Int64> = 0...1 << 60

    /// Nil unless there are `wordCount` words that a run can have counted.
    package init?(words: ArraySlice<UInt64>) {
        guard words.count == Self.wordCount, let last = words.last, case let seconds = Double(bitPattern: last), seconds.isFinite,
            seconds >= 0
        else { return nil }
        self.seconds = seconds
        for (path, word) in zip(Self.counts, words) {
            let count = Int64(bitPattern: word)
            guard path == \.targets ? count >= 0 : Self.countable.contains(count) else { return nil }
            self[keyPath: path] = count
        }
    }
}
