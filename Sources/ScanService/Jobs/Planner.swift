package import PacketIO
package import ScanAPI
import ScanCore
import ScanTargets

/// Finds the ways to a job's targets, and tells what a job would do.
package struct Planner: Sendable {
    private let settings: Settings
    private let links: LinkPool

    private static let shownRanges = 16

    package init(settings: Settings, links: LinkPool) {
        self.settings = settings
        self.links = links
    }

    /// The ways to the draft's targets. Blocks. Throws `EngineError` where none leads to any, or for a strict draft not to all.
    package func ways(to draft: JobDraft) throws -> Ways {
        let scan = settings.current.scan
        let question = RouteQuestion(draft.selection, from: scan.sourcePorts, draft.narrowing.completed(by: scan))
        let ways = try RoutePlanner.ways(to: question)
        try ways.check(isStrict: draft.isStrict)
        return ways
    }

    /// Throws the refusal of a draft that reaches outside the scope.
    package func checkScope(_ draft: JobDraft) throws(Refusal) {
        if let refusal = settings.current.scope.refusal(of: draft.selection.addresses) { throw refusal }
    }

    /// Blocks. Throws when there is no way to a target.
    package func plan(_ draft: JobDraft) throws -> Plan {
        let ways = try ways(to: draft)
        let targets = Int64(clamping: draft.selection.targetCount)
        let (most, isTooMuch) = targets.multipliedReportingOverflow(by: Int64(draft.retries) + 1)
        let refusal = settings.current.scope.refusal(of: draft.selection.addresses)
        let atMost = isTooMuch ? Int64.max : most
        var plan = Plan(
            targets: targets, addresses: Int64(clamping: draft.selection.addresses.count), ports: draft.portCount,
            portsSource: draft.portsSource, rate: draft.rate, probesAtLeast: targets, probesAtMost: atMost,
            secondsAtLeast: Double(targets) / Double(draft.rate), secondsAtMost: Double(atMost) / Double(draft.rate),
            paths: try ways.paths.map(shown), scope: refusal?.message ?? "allowed", names: draft.names)
        plan.rateFound = draft.isRateFound
        plan.advice = advice
        plan.unresolved = draft.unresolved.isEmpty ? nil : draft.unresolved
        plan.exclusions = draft.exclusions.isEmpty ? nil : draft.exclusions
        plan.unreachable = ways.unreached.isEmpty ? nil : ways.sentences
        return plan
    }

    /// What the machine's own firewall should know of probes. Blocks.
    package var advice: [String]? {
        let ports = settings.current.scan.sourcePorts
        return ConnectionTracking.read(leavingOut: ports)?.advice(for: ports)
    }

    private func shown(_ path: ScanPath) throws -> Plan.Path {
        var destinations = path.destinations.ranges.prefix(Self.shownRanges).map(\.description)
        if path.destinations.ranges.count > Self.shownRanges { destinations.append("…") }
        let link = try links.choice(for: path, preferring: settings.current.scan.link)
        var shown = Plan.Path(
            destinations: destinations, interface: path.interface.name, source: path.source.description, link: link.kind.rawValue,
            linkReason: link.reason)
        shown.nextHop = path.nextHop?.description
        shown.hardwareAddress = path.hardwareAddress?.description
        return shown
    }
}

extension JobDraft {
    /// How many different ports the job has.
    fileprivate var portCount: Int {
        selection.allPorts.count
    }
}

extension Narrowing {
    /// What a job does not say itself, the configuration does.
    func completed(by scan: Configuration.Scan) -> Narrowing {
        Narrowing(interface: interface ?? scan.interface, source: source ?? scan.sourceAddress, zone: zone)
    }

    /// The interface on whose link link-local addresses are.
    var zoneOfLinkLocal: String? { zone ?? interface }
}
