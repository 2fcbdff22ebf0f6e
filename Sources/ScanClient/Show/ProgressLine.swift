package import ScanAPI

/// A job's progress in one line that fits its terminal.
package enum ProgressLine {
    private static let widestBar = 40
    private static let narrowestBar = 8

    /// - Parameter width: the terminal's columns; the last one stays free, for some terminals wrap there.
    /// - Returns: at most `width - 1` characters, without line feed.
    package static func text(_ job: Job, width: Int) -> String {
        let room = max(0, width - 1)
        guard let progress = job.progress, job.state == .running else { return String(waiting(job).prefix(room)) }
        let percent = padded(Quantities.percent(progress.fraction), to: 5)
        let details = detailsByWidth(job, progress).map { $0(percent) }
        let title = "job \(job.id) "
        for detail in details {
            let bar = min(widestBar, room - title.count - detail.count - 3)
            if bar >= narrowestBar { return title + "[\(Self.bar(progress.fraction, width: bar))] " + detail }
        }
        if let detail = details.first(where: { title.count + $0.count <= room }) { return title + detail }
        return String(percent.drop { $0 == " " }.prefix(room))
    }

    /// The same for a log: no bar, nothing that moves.
    package static func plain(_ job: Job) -> String {
        guard let progress = job.progress, job.state == .running else { return waiting(job) }
        let eta = progress.eta.map { ", \(Quantities.duration($0)) to go" } ?? ""
        let counts = "\(Quantities.count(job.account.replies, "answer")), \(Quantities.count(job.account.open)) open"
        let share = JobTexts.share(of: job).map { " (its share is \($0))" } ?? ""
        let speed = Quantities.rate(progress.rate) + share
        return "\(JobTexts.title(job)): \(Quantities.percent(progress.fraction)), \(speed), \(counts)\(eta)"
    }

    private static func waiting(_ job: Job) -> String {
        "\(JobTexts.title(job)) \(JobTexts.standing(job))"
    }

    /// What stands behind the bar, the fullest first; where space is short the least wanted parts go.
    private static func detailsByWidth(_ job: Job, _ progress: Progress) -> [(String) -> String] {
        let rate = padded(Quantities.rate(progress.rate), to: 9)
        let answers = Quantities.count(job.account.replies, "answer")
        let open = "\(Quantities.count(job.account.open)) open"
        let round = progress.round > 0 ? "  round \(progress.round + 1)" : ""
        let eta = progress.eta.map { "  ETA \(Quantities.clock($0))" } ?? ""
        let share = JobTexts.share(of: job).map { "  share \($0)" } ?? ""
        return [
            { "\($0) \(rate)\(share)  \(answers), \(open)\(round)\(eta)" },
            { "\($0) \(rate)  \(answers), \(open)\(round)\(eta)" },
            { "\($0) \(rate)  \(answers), \(open)\(eta)" },
            { "\($0) \(rate)  \(answers)\(eta)" },
            { "\($0)  \(open)\(eta)" },
            { "\($0)\(eta)" },
            { $0 },
        ]
    }

    private static func bar(_ share: Double, width: Int) -> String {
        let clean = share.isFinite ? min(max(share, 0), 1) : 0
        let full = Int((clean * Double(width)).rounded(.down))
        let head = full > 0 && full < width ? ">" : full == width ? "=" : ""
        return String(repeating: "=", count: max(0, full - 1)) + head + String(repeating: " ", count: width - full)
    }

    private static func padded(_ text: String, to width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
