import ScanTargets

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
    /// Time spent running.
    package var seconds: Double = 0

    package init() {}

    /// One more target is in `state`.
    mutating func count(_ state: TargetState) {
        switch state {
        case .open: open += 1
        case .closed: closed += 1
        case .filtered: filtered += 1
        case .down: down += 1
        case .untested: untested += 1
        }
    }

    /// Every field as eight bytes, in the order above, for a checkpoint.
    var words: [UInt64] {
        let counts = [
            targets, probesSent, replies, open, closed, filtered, down, untested, duplicates, rejectedReplies, sendErrors, linkDrops,
            captureDrops, rounds,
        ]
        return counts.map { UInt64(bitPattern: $0) } + [seconds.bitPattern]
    }

    static let wordCount = 15

    /// What a run can count; far enough from the end of Int64 that sums do not overflow.
    private static let countable: ClosedRange<Int64> = 0...1 << 60

    /// Nil unless there are `wordCount` words that a run can have counted.
    init?(words: ArraySlice<UInt64>) {
        guard words.count == Self.wordCount else { return nil }
        let counts = words.dropLast().map { Int64(bitPattern: $0) }
        let seconds = Double(bitPattern: words[words.startIndex + 14])
        guard counts[0] >= 0, counts.dropFirst().allSatisfy(Self.countable.contains), seconds.isFinite, seconds >= 0 else { return nil }
        self.seconds = seconds
        targets = counts[0]
        probesSent = counts[1]
        replies = counts[2]
        open = counts[3]
        closed = counts[4]
        filtered = counts[5]
        down = counts[6]
        untested = counts[7]
        duplicates = counts[8]
        rejectedReplies = counts[9]
        sendErrors = counts[10]
        linkDrops = counts[11]
        captureDrops = counts[12]
        rounds = counts[13]
    }
}

/// How far a run has come.
package struct ScanProgress: Sendable, Equatable {
    package var round: Int
    /// Share of the expected probes that have been sent, 0...1.
    package var fraction: Double
    /// Probes a second over the last moments.
    package var rate: Double
    /// Seconds to go, nil while unknown.
    package var eta: Double?
}
