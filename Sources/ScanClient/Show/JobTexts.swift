package import ScanAPI

/// A job in words.
package enum JobTexts {
    /// `job 7`, `job 7 (nightly)`
    package static func title(_ job: Job) -> String {
        job.name.map { "job \(job.id) (\(Escaping.forTerminal($0)))" } ?? "job \(job.id)"
    }

    /// `Job 7 (nightly)`, for the beginning of a sentence.
    package static func heading(_ job: Job) -> String {
        "J" + title(job).dropFirst()
    }

    /// `paused`, `waiting: no space for results`
    package static func standing(_ job: Job) -> String {
        guard let reason = job.reason, !reason.isEmpty else { return job.state.rawValue }
        return "\(job.state.rawValue): \(Escaping.forTerminal(reason))"
    }

    /// `alice`, or the number of a user who has no name here.
    package static func submitter(_ job: Job) -> String {
        UserDirectory.name(ofUser: job.submittedBy.uid)
    }

    /// The last line of a scan: `job 7 finished: 20,480 open, 61,440 closed of 81,920 targets; 81,920 probes in 4.31 s, 19,007/s`.
    package static func summary(_ job: Job) -> String {
        var text = "\(title(job)) \(job.state.rawValue)"
        if let reason = job.reason, !reason.isEmpty { text += " (\(Escaping.forTerminal(reason)))" }
        guard job.account.targets > 0 else { return text }
        text += ": \(states(job.account)) of \(Quantities.count(job.account.targets, "target"))"
        text += "; \(Quantities.count(job.account.probesSent, "probe")) in \(Quantities.duration(job.account.seconds))"
        if job.account.seconds > 0 { text += ", \(Quantities.rate(Double(job.account.probesSent) / job.account.seconds))" }
        if let recall = recall(job.account) { text += "; recall \(recall)" }
        if let exclusions = ExclusionTexts.summary(job.account.exclusions) { text += "; \(exclusions)" }
        if let hosts = flooded(job.account) { text += ". \(hosts)" }
        if let targets = contradictions(job.account) { text += ". \(targets)" }
        if let names = unresolved(job) { text += ". \(names)" }
        if let reasons = untested(job.account) { text += ". Untested: \(reasons.map(Escaping.forTerminal).joined(separator: "; "))" }
        // A job that ended before its time has said why.
        if job.reason == nil, let warning = incompleteness(job.account) { text += ". \(warning)" }
        return text
    }

    /// `0.9994 (0.9990 to 0.9998)`, an estimate.
    package static func recall(_ account: Account) -> String? {
        guard let recall = account.estimatedRecall, let low = account.recallLow, let high = account.recallHigh else { return nil }
        return low == high
            ? Quantities.share(recall) : "\(Quantities.share(recall)) (\(Quantities.share(low)) to \(Quantities.share(high)))"
    }

    /// What is said of hosts that answer everything.
    package static func flooded(_ account: Account) -> String? {
        account.hostsAnsweringEverything.map { count in
            "\(Quantities.count(count, "host")) \(count == 1 ? "answers" : "answer") everything: the rest of their ports is untested"
        }
    }

    /// What is said of answers that contradict each other.
    package static func contradictions(_ account: Account) -> String? {
        account.contradictions.map { count in
            "\(Quantities.count(count, "target")) contradicted \(count == 1 ? "itself" : "themselves"): answered differently when asked again"
        }
    }

    /// `2 names did not resolve: gone1.example, gone2.example`
    package static func unresolved(_ job: Job) -> String? {
        guard let names = job.unresolved, !names.isEmpty else { return nil }
        let count = max(job.account.unresolvedNames ?? 0, Int64(names.count))
        let named = names.map(Escaping.forTerminal).joined(separator: ", ")
        return "\(Quantities.count(count, "name")) did not resolve: \(named)\(count > Int64(names.count) ? ", …" : "")"
    }

    /// Why some targets are untested, a sentence each.
    package static func untested(_ account: Account) -> [String]? {
        guard account.untested > 0, let reasons = account.untestedReasons, !reasons.isEmpty else { return nil }
        return reasons
    }

    /// What a scan that is less complete than was asked for says about that.
    package static func incompleteness(_ account: Account) -> String? {
        guard account.goalReached == false, let goal = account.recallGoal else { return nil }
        let loss = account.loss.map { ", \(Quantities.tenths($0)) of the probes to known ports were lost" } ?? ""
        return
            "That is not sure to be \(Quantities.share(goal)) as asked for: after \(Quantities.count(account.rounds, "round")) some hosts "
            + "still lost too much of what they were sent\(loss)"
    }

    /// `20,480 open, 61,440 closed`; states that no target is in are left out, `open` never.
    package static func states(_ account: Account) -> String {
        let others: [(Int64, String)] = [
            (account.closed, "closed"), (account.filtered, "filtered"), (account.down, "down"), (account.untested, "untested"),
        ]
        let parts = [(account.open, "open")] + others.filter { $0.0 != 0 }
        return parts.map { "\(Quantities.count($0.0)) \($0.1)" }.joined(separator: ", ")
    }

    /// Everything about a job, for `synscan show`.
    package static func full(_ job: Job, style: Style) -> String {
        var facts = Facts(style: style)
        facts.add("state", job.state.rawValue, Style.ink(ofState: job.state.rawValue))
        facts.add("reason", job.reason)
        facts.add("priority", job.priority.rawValue)
        facts.add("deadline", job.deadline.map(LocalTime.text))
        facts.add("targets", shortened(job.targets))
        facts.add("", unresolved(job))
        for exclusion in job.account.exclusions ?? [] { facts.add("without", "\(exclusion.name): \(ExclusionTexts.taken(exclusion))") }
        facts.add("", job.retryOf.map { "what job \($0) left untested" })
        facts.add("submitted", "\(LocalTime.text(job.submitted)) by \(submitter(job)) (process \(job.submittedBy.pid))")
        facts.add("started", job.started.map(LocalTime.text))
        facts.add("finished", job.finished.map(LocalTime.text))
        if let progress = job.progress {
            let left = progress.eta.map { ", \(Quantities.duration($0)) to go" } ?? ""
            let done = Quantities.percent(progress.fraction)
            let share = share(of: job).map { " (its share is \($0))" } ?? ""
            facts.add("progress", "\(done), round \(progress.round + 1), \(Quantities.rate(progress.rate))\(share)\(left)")
        }
        if job.started != nil { addAccount(job.account, to: &facts) }
        return style(.bold, heading(job)) + "\n" + facts.text
    }

    /// `5,000/s`: the part of the daemon's rate that a job gets at present, when that is less than the job's own rate.
    package static func share(of job: Job) -> String? {
        guard let share = job.progress?.share, share < Double(job.account.rate) - 0.5 else { return nil }
        return Quantities.rate(share)
    }

    /// `found: 23,000/s`
    private static func foundRate(_ account: Account) -> String? {
        account.foundRate.map { rate in
            let note = account.rateVerified == true ? "" : ", not verified: too little has answered to judge it by"
            return "found: \(Quantities.rate(Double(rate)))\(note)"
        }
    }

    private static func addAccount(_ account: Account, to facts: inout Facts) {
        facts.add("found", "\(states(account)) of \(Quantities.count(account.targets, "target"))")
        facts.add(
            "probes",
            "\(Quantities.count(account.probesSent)) in \(Quantities.count(account.rounds, "round")) and \(Quantities.duration(account.seconds)), "
                + "at most \(Quantities.rate(Double(account.rate)))")
        facts.add("", flooded(account))
        facts.add("", contradictions(account))
        for (index, reason) in (untested(account) ?? []).enumerated() { facts.add(index == 0 ? "untested" : "", reason) }
        facts.add("rate", foundRate(account))
        facts.add("recall", recall(account))
        facts.add("", incompleteness(account))
        facts.add("loss", account.loss.map { "\(Quantities.tenths($0)) of the probes to ports known to answer" })
        let extra: [(Int64, String)] = [(account.duplicates, "repeated"), (account.rejectedReplies, "foreign or forged packets")]
        let notes = extra.filter { $0.0 > 0 }.map { ", \(Quantities.count($0.0)) \($0.1)" }.joined()
        facts.add("replies", "\(Quantities.count(account.replies))\(notes)")
        facts.add("link", account.linkReason.map { "\(account.link), \($0)" } ?? account.link)
        let losses: [(Int64, String)] = [
            (account.sendErrors, "refused by the kernel and sent again"), (account.linkDrops, "dropped by the interface"),
            (account.captureDrops, "replies lost for want of buffer"),
        ]
        facts.add("losses", losses.filter { $0.0 > 0 }.map { "\(Quantities.count($0.0)) \($0.1)" }.joined(separator: ", "))
    }

    /// The target expressions as far as the daemon keeps them; it keeps 16.
    private static func shortened(_ targets: [String]) -> String {
        targets.joined(separator: ", ") + (targets.count >= 16 ? ", …" : "")
    }

    /// All jobs, one to a row, for `synscan jobs`; priorities only where they differ.
    package static func table(_ jobs: [Job], style: Style) -> String {
        let hasPriorities = jobs.contains { $0.priority != .normal }
        let first: [Table.Column] = [.init("ID", .right), .init("NAME"), .init("STATE", ink: Style.ink(ofState:))]
        let rest: [Table.Column] = [
            .init("SUBMITTED"), .init("BY"), .init("DONE", .right), .init("TARGETS", .right), .init("OPEN", .right), .init("WHAT"),
        ]
        var table = Table(first + (hasPriorities ? [.init("PRIO")] : []) + rest, style: style)
        var text = ""
        for job in jobs { text += table.add(row(job, hasPriorities: hasPriorities)) }
        return text + table.finish()
    }

    private static func row(_ job: Job, hasPriorities: Bool) -> [String] {
        let done = job.progress.map { Quantities.percent($0.fraction) } ?? (job.state == .finished ? "100 %" : "")
        let what = job.targets.prefix(2).joined(separator: ", ") + (job.targets.count > 2 ? ", …" : "")
        let first = [String(job.id), job.name ?? "", job.state.rawValue] + (hasPriorities ? [job.priority.rawValue] : [])
        let rest = [
            LocalTime.text(job.submitted), submitter(job), done, Quantities.count(job.account.targets), Quantities.count(job.account.open),
            what,
        ]
        return (first + rest).map(Escaping.forTerminal)
    }
}
