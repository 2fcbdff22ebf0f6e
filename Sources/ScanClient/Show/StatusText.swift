package import ScanAPI

/// The daemon in words, for `synscan status`.
package enum StatusText {
    package static func text(_ status: DaemonStatus, style: Style) -> String {
        var facts = Facts(style: style)
        facts.add("version", status.version)
        facts.add("process", "\(status.pid), since \(LocalTime.text(status.started))")
        facts.add("halted", status.halted.map(halt), .red)
        facts.add("obstacle", status.obstacle, .yellow)
        facts.add("your role", status.role.rawValue)
        facts.add("jobs", jobs(status.jobs))
        facts.add("maximum rate", Quantities.rate(Double(status.maxRate)))
        facts.add("scope", status.scopeAllow.isEmpty ? "nothing is allowed" : status.scopeAllow.joined(separator: ", "))
        facts.add("denied", status.scopeDeny.joined(separator: ", "))
        facts.add("results log", status.resultsLog)
        facts.add("audit log", status.auditLog)
        facts.add("store", status.store)
        facts.add("configuration", status.configuration)
        facts.add("port ranking", status.portRanking)
        return facts.text + PlanText.advice(status.advice)
    }

    /// `since 2026-11-23 19:06:01 by alice; no packet leaves until synscan unhalt`
    private static func halt(_ halt: Halt) -> String {
        "since \(LocalTime.text(halt.since)) by \(UserDirectory.name(ofUser: halt.uid)); no packet leaves until synscan unhalt"
    }

    /// `1 running, 2 queued`, in the order of a job's life.
    private static func jobs(_ counts: [String: Int]) -> String {
        let known = JobState.allCases.map(\.rawValue)
        let order = known + counts.keys.filter { !known.contains($0) }.sorted()
        let parts = order.compactMap { state in counts[state].flatMap { $0 > 0 ? "\(Quantities.count($0)) \(state)" : nil } }
        return parts.isEmpty ? "none" : parts.joined(separator: ", ")
    }
}
