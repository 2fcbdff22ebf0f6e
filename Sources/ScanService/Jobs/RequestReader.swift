import PacketIO
package import ScanAPI
import ScanCore
import ScanTargets

/// Reads job requests: parses, resolves names, checks every limit. Sends nothing and changes nothing.
package struct RequestReader: Sendable {
    private let settings: Settings
    private let catalog: PortCatalog
    private let resolver: NameResolver

    package init(settings: Settings, catalog: PortCatalog, resolver: NameResolver = NameResolver()) {
        self.settings = settings
        self.catalog = catalog
        self.resolver = resolver
    }

    /// The draft of the job that `request` asks for, made when it is user `uid`'s turn; its scope is not checked yet. Throws `Refusal`.
    package func draft(_ request: JobRequest, for uid: UInt32) async throws -> JobDraft {
        do {
            try checkOptions(request)
            let (targets, exclusions) = try await WorkPools.run(for: uid) {
                (try TargetList(request.targets), try ExclusionList(request))
            }
            let names = Set(targets.names + exclusions.names)
            let answers = ResolvedNames(try await resolver.resolve(names.sorted(), for: uid))
            // Nobody knows what they would have left out.
            try answers.refuseUnresolved(among: exclusions.names, of: .exclusions)
            if request.strict == true { try answers.refuseUnresolved(among: targets.names, of: .strictTargets) }
            return try await WorkPools.run(for: uid) { try draft(request, targets, exclusions, answers) }
        } catch {
            throw Refusal(of: error)
        }
    }

    private func checkOptions(_ request: JobRequest) throws {
        if let name = request.name, !JobName.isValid(name) {
            throw Refusal(.usage, "\"\(Self.shown(name))\" cannot be a job's name: names are \(JobName.rule).")
        }
        guard !request.targets.isEmpty else { throw Refusal(.usage, "No targets are given: name at least one address, block or host.") }
        let cap = settings.current.limits.maxRate
        if let rate = request.rate, !(1...cap).contains(rate) {
            throw Refusal(.usage, "A rate of \(rate) probes a second was asked for: give 1 to \(cap) ([limits] max_rate of this daemon).")
        }
        if let rate = request.maxRate, !(1...cap).contains(rate) {
            throw Refusal(.usage, "At most \(rate) probes a second were asked for: give 1 to \(cap) ([limits] max_rate of this daemon).")
        }
        if request.rate != nil, request.maxRate != nil {
            throw Refusal(.usage, "Both a rate and the most that it may be were asked for: give one of them.")
        }
        if let name = request.interface, name.utf8.count >= Self.interfaceNameSize {
            throw Refusal(
                .usage, "\(Self.shown(name)) cannot be an interface: their names have at most \(Self.interfaceNameSize - 1) bytes.")
        }
        try checkRecall(request)
        if let states = request.states, states.isEmpty {
            throw Refusal(.usage, "The list of states to record is empty: name at least one, or leave it out.")
        }
        if let deadline = request.deadline, deadline <= JobQueue.now {
            throw Refusal(.usage, "The deadline \(deadline) has passed: give a time to come, or none.")
        }
    }

    private func checkRecall(_ request: JobRequest) throws {
        if let retries = request.retries, !(0...8).contains(retries) {
            throw Refusal(.usage, "\(retries) retries were asked for: give 0 to 8.")
        }
        switch request.recall {
        case .share(let share) where !(share > 0 && share < 1):
            throw Refusal(.usage, "A recall of \(share) was asked for: give a share above 0 and below 1, such as 0.999, or none.")
        case .some(.none) where request.retries ?? 0 > 0:
            throw Refusal(
                .usage, "A recall of none is exactly one pass, and \(request.retries ?? 0) retries were asked for: give one of them.")
        default: break
        }
    }

    private func draft(
        _ request: JobRequest, _ targets: TargetList, _ exclusions: ExclusionList, _ names: ResolvedNames
    ) throws -> JobDraft {
        let (ports, source) = try catalog.ports(of: request)
        var selection = targets.selection(ports: ports, resolved: names.targets)
        if selection.isEmpty { try names.refuseUnresolved(among: targets.names, of: .allTargets) }
        let configuration = settings.current
        let narrowing = Narrowing(interface: request.interface, source: request.sourceAddress, zone: targets.zone)
        let completed = narrowing.completed(by: configuration.scan)
        let excluded = try exclusions.exclusions(resolved: names.addresses, on: completed.zoneOfLinkLocal, catalog.services)
        let report = exclusions.report(excluded, of: selection)
        try selection.exclude(excluded)
        try check(selection, configuration.limits.maxJobTargets)
        try checkLinkLocal(selection.addresses, completed)
        if request.reportHosts == true, selection.addresses.count > HostRoll.mostHosts {
            throw Refusal(
                .usage,
                "Each of \(selection.addresses.count) addresses was to be reported up or down: that is done for at most \(HostRoll.mostHosts); "
                    + "give fewer addresses, or leave report_hosts (--report-hosts) out.")
        }
        return JobDraft(
            name: request.name, targets: request.targets.prefix(JobDraft.shownTargets).map(Self.shown), selection: selection,
            rate: request.rate ?? request.maxRate ?? configuration.limits.maxRate, isRateFound: request.rate == nil,
            retries: request.recall == .some(.none) ? 0 : request.retries ?? JobDraft.defaultRetries,
            recall: request.recall.map(\.share) ?? RecallGoal.usual, tcpOptions: request.tcpOptions ?? .mss,
            states: request.states.map(Set.init) ?? configuration.results.states,
            reportsAll: request.reportAll ?? false, reportsHosts: request.reportHosts ?? false,
            isStrict: request.strict ?? false, narrowing: narrowing, priority: request.priority ?? .normal, deadline: request.deadline,
            portsSource: selection.hosts.isEmpty ? "the targets" : source,
            names: names.resolved(excluded: Set(exclusions.names)), unresolved: names.unresolved, exclusions: report)
    }

    private func check(_ selection: TargetSelection, _ limit: Int64) throws {
        guard !selection.isEmpty else { throw Refusal(.usage, "Nothing is left to scan: no target has a port.") }
        guard selection.targetCount <= UInt128(limit) else {
            throw Refusal(
                .usage,
                "The job has \(selection.targetCount) targets, more than the \(limit) that one job may have ([limits] max_job_targets): "
                    + "give fewer addresses or ports, or several jobs.")
        }
    }

    /// Which link such an address is on can only be said by whoever asks.
    private func checkLinkLocal(_ addresses: AddressSet, _ narrowing: Narrowing) throws {
        guard narrowing.zone == nil, narrowing.interface == nil, let block = Narrowing.linkLocal,
            let range = addresses.intersection(AddressSet([block])).ranges.first
        else { return }
        throw Refusal(
            .usage, "\(range) is link-local: say on which interface's link, as in \(range.first)%eth0, or with interface (--interface).")
    }

    /// IFNAMSIZ, the byte at the end included.
    private static let interfaceNameSize = 16

    /// What somebody wrote, shortened for being shown.
    static func shown(_ text: String) -> String {
        text.shortened(to: 100)
    }
}
