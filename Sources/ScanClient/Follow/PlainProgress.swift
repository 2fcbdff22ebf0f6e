package import ScanAPI

/// Which of a followed job's states are told where lines cannot be drawn over: progress every half minute, what keeps it from running at once.
package struct PlainProgress: Sendable {
    /// Between lines that tell nothing but progress.
    package static let interval = Duration.seconds(30)

    private var lastLine: ContinuousClock.Instant
    /// The line that told what the job waits for, while it does.
    private var hindrance: String?

    package init(now: ContinuousClock.Instant) {
        lastLine = now
    }

    /// The line to print now, or `nil` for none.
    package mutating func line(for job: Job, now: ContinuousClock.Instant) -> String? {
        let line = ProgressLine.plain(job)
        let isHindered = job.state == .paused || job.state == .waiting
        // Also told at once: that it goes on, and that it waits for something else.
        let isNews = (isHindered ? line : nil) != hindrance
        hindrance = isHindered ? line : nil
        guard isNews || now - lastLine >= Self.interval else { return nil }
        lastLine = now
        return line
    }
}
