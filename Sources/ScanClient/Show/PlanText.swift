package import ScanAPI

/// What a scan would do, in words, for `synscan plan`.
package enum PlanText {
    /// What `Plan.scope` says when nothing is in the way.
    package static let allowed = "allowed"

    package static func text(_ plan: Plan, style: Style) -> String {
        var facts = Facts(style: style)
        let size = "\(Quantities.count(plan.addresses, "address", "addresses")), \(Quantities.count(plan.ports, "port"))"
        facts.add("targets", "\(Quantities.count(plan.targets)) (\(size))")
        for exclusion in plan.exclusions ?? [] {
            let ink: Style.Ink? = exclusion.targets == 0 ? .red : nil
            facts.add("without", "\(exclusion.name): \(ExclusionTexts.taken(exclusion))", ink)
        }
        facts.add("ports", plan.portsSource)
        facts.add("rate", (plan.rateFound == true ? "found, at most " : "") + Quantities.rate(Double(plan.rate)))
        facts.add("probes", range(Quantities.count(plan.probesAtLeast), Quantities.count(plan.probesAtMost)))
        facts.add("duration", range(Quantities.duration(plan.secondsAtLeast), Quantities.duration(plan.secondsAtMost)))
        facts.add("scope", plan.scope, plan.scope == allowed ? .green : .red)
        for name in plan.names { facts.add(Escaping.forTerminal(name.name), name.addresses.joined(separator: ", ")) }
        for name in plan.unresolved ?? [] {
            facts.add(Escaping.forTerminal(name.name), "does not resolve (\(name.problem))", .red)
        }
        for (index, sentence) in (plan.unreachable ?? []).enumerated() {
            facts.add(index == 0 ? "untested" : "", sentence, .red)
        }
        return facts.text + (plan.paths.isEmpty ? "" : "\n" + paths(plan.paths, style: style)) + advice(plan.advice)
    }

    /// What the machine's own firewall should know, below the rest.
    static func advice(_ lines: [String]?) -> String {
        guard let lines, !lines.isEmpty else { return "" }
        return "\n" + lines.map { Escaping.forTerminal($0) + "\n" }.joined()
    }

    private static func range(_ low: String, _ high: String) -> String {
        low == high ? low : "\(low) to \(high)"
    }

    private static func paths(_ paths: [Plan.Path], style: Style) -> String {
        var table = Table(
            [.init("DESTINATIONS"), .init("INTERFACE"), .init("SOURCE"), .init("NEXT HOP"), .init("LINK"), .init("BECAUSE")], style: style)
        var text = ""
        for path in paths {
            let nextHop = (path.nextHop ?? "on the link") + (path.hardwareAddress.map { " (\($0))" } ?? "")
            // One destination to a row; what goes with it stands in the first.
            let destinations = path.destinations.isEmpty ? [""] : path.destinations
            for (index, destination) in destinations.enumerated() {
                let rest = index == 0 ? [path.interface, path.source, nextHop, path.link, path.linkReason] : []
                text += table.add(([destination] + rest).map(Escaping.forTerminal))
            }
        }
        return text + table.finish()
    }
}
