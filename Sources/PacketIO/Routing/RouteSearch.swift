import ScanCore
import ScanTargets
import SystemPackage

/// The questions to the kernel about a job's addresses, with what narrows them.
struct RouteSearch {
    /// What is known of some addresses.
    enum Answer: Hashable {
        case way(Route)
        case nothing(Unreached.Cause)
    }

    /// A part of a job's addresses, with the number of the interval between two boundaries that it lies in.
    struct Stretch {
        var range: AddressRange
        var interval: Int
        /// Whether each address may go another way.
        var isMultipath = false
    }

    var interface: NetworkInterface?
    var zone: NetworkInterface?
    var source: IPAddress?
    var ports = PortSet()
    var sourcePorts: ClosedRange<UInt16> = RouteQuestion.usualSourcePorts
    var rules = PortRules()
    var policies = IPsecPolicies()
    /// So many addresses of a job may still be asked for one by one where the kernel has several ways; beyond that, one way is taken for all of
    /// a stretch.
    var questions: UInt128 = 65_536

    /// The parts of a stretch with what is known of them; neighbours of the same answer are one part.
    mutating func answers(to stretch: Stretch, _ netlink: inout Netlink) -> [(AddressRange, Answer)] {
        guard stretch.isMultipath, stretch.range.count <= questions else {
            return [(stretch.range, answer(to: stretch.range.first, &netlink))]
        }
        questions -= stretch.range.count
        var parts: [(AddressRange, Answer)] = []
        var address: IPAddress? = stretch.range.first
        while let here = address, here <= stretch.range.last {
            let answer = answer(to: here, &netlink)
            if let last = parts.last, last.1 == answer, let longer = AddressRange(first: last.0.first, last: here) {
                parts[parts.count - 1].0 = longer
            } else {
                parts.append((AddressRange(here), answer))
            }
            address = here.next
        }
        return parts
    }

    private func answer(to address: IPAddress, _ netlink: inout Netlink) -> Answer {
        let rules = rules.around(address)
        let answer =
            rules.contains(where: \.isByPort) && !ports.isEmpty
            ? answer(to: address, by: rules, &netlink)
            : route(to: address, ports: nil, isTCP: self.rules.tellProtocolsApart(at: address), &netlink)
        guard case .way(var route) = answer, route.kind == .unicast else { return answer }
        if route.rule == nil, let rule = rules.first {
            (route.policy, route.tellsProtocol) = (
                "a rule by protocol (\(rule.words)) decides about its way: the kernel must send it", true
            )
        }
        if let encapsulation = route.encapsulation {
            route.policy = "its route wraps it (encap \(encapsulation)): the kernel must send it"
        }
        obeyPolicies(to: address, &route)
        return .way(route)
    }

    // MARK: - Rules by port

    /// Asks for each class of ports. The way of most of them is taken; the kernel's own packets would take another one with the others.
    private func answer(to address: IPAddress, by rules: [PortRules.Rule], _ netlink: inout Netlink) -> Answer {
        let words = Array(Set(rules.filter(\.isByPort).map(\.words))).sorted().joined(separator: ", ")
        var classes: [(ports: PortSet, answer: Answer)] = []
        for ports in PortRules.classes(of: ports, by: rules) {
            let answer = answer(to: address, ports, by: rules, words, &netlink)
            if let known = classes.firstIndex(where: { Self.leads($0.answer, answer) }) {
                classes[known].ports = classes[known].ports.union(ports)
            } else {
                classes.append((ports, answer))
            }
        }
        // The last class is that of no rule: it comes first among equals.
        let most = classes.reversed().max { Self.weight($0.answer, $0.ports) < Self.weight($1.answer, $1.ports) }
        guard let most, case .way(var route) = most.answer else {
            return most?.answer ?? route(to: address, ports: nil, isTCP: true, &netlink)
        }
        route.rule = words
        for other in classes where !Self.leads(other.answer, most.answer) {
            route.leftOut.append(.init(ports: other.ports, cause: Self.cause(of: other.answer, words, other.ports)))
        }
        return .way(route)
    }

    private func answer(
        to address: IPAddress, _ ports: PortSet, by rules: [PortRules.Rule], _ words: String, _ netlink: inout Netlink
    ) -> Answer {
        guard let port = ports.port(at: 0) else { return route(to: address, ports: nil, isTCP: true, &netlink) }
        let answers = PortRules.samples(of: sourcePorts, by: rules).map { route(to: address, ports: ($0, port), isTCP: true, &netlink) }
        guard let first = answers.first, answers.allSatisfy({ Self.leads($0, first) }) else {
            return .nothing(
                .init(
                    reason: .policy,
                    words: "rules (\(words)) send them one way or another by the source port: set [scan] source_ports apart"))
        }
        return first
    }

    private static func leads(_ one: Answer, _ other: Answer) -> Bool {
        switch (one, other) {
        case (.way(let one), .way(let other)): one.leads(other)
        case (.nothing(let one), .nothing(let other)): one == other
        default: false
        }
    }

    /// A way goes before none, then many ports before few.
    private static func weight(_ answer: Answer, _ ports: PortSet) -> Int {
        if case .way = answer { ports.count + 65_536 } else { ports.count }
    }

    private static func cause(of answer: Answer, _ words: String, _ ports: PortSet) -> Unreached.Cause {
        switch answer {
        case .nothing(let cause): cause
        case .way:
            .init(
                reason: .policy,
                words:
                    "rules (\(words)) send what goes there another way: scan it in a job of its own, with -p\(Unreached.text(ports).dropFirst(5))"
            )
        }
    }

    // MARK: - IPsec

    private func obeyPolicies(to address: IPAddress, _ route: inout Route) {
        let around = policies.around(address, from: route.source, interface: route.interface)
        for policy in around {
            guard policy.ports == nil, policy.sourcePorts == nil else {
                leaveOut(policy, &route)
                continue
            }
            route.policy =
                policy.blocks ? "an IPsec policy lets nothing through" : "an IPsec policy wants it encrypted: the kernel must send it"
            if policy.isForTCPAlone { route.tellsProtocol = true }
        }
        if policies.blocksOthers, around.isEmpty { route.policy = "IPsec's default policy lets nothing through" }
    }

    /// What the kernel sends for others has no ports that a policy could know.
    private func leaveOut(_ policy: IPsecPolicies.Policy, _ route: inout Route) {
        guard policy.sourcePorts.map({ match in sourcePorts.contains { match.holds($0) } }) ?? true else { return }
        let concerned = policy.ports.map { match in PortSet(ports.filter { match.holds($0) }.map { $0...$0 }) } ?? ports
        guard !concerned.isEmpty else { return }
        let cause = Unreached.Cause(
            reason: .policy, words: "an IPsec policy for this port wants it encrypted, which cannot be done to raw packets")
        route.leftOut.append(.init(ports: concerned, cause: cause))
    }

    // MARK: - One question

    /// `isTCP`: rules by protocol may decide.
    func route(to address: IPAddress, ports: (from: UInt16, to: UInt16)?, isTCP: Bool, _ netlink: inout Netlink) -> Answer {
        let isLinkLocal = Narrowing.linkLocal?.contains(address) == true
        let interface = isLinkLocal ? zone ?? self.interface : self.interface
        guard interface != nil || !isLinkLocal else {
            return .nothing(
                .init(reason: .noRoute, words: "link-local: say on which interface, as in \(address)%eth0, or with --interface"))
        }
        let via = interface.map { " through \($0.name)" } ?? ""
        // A source of the other family says nothing about these.
        let source = source?.family == address.family ? source : nil
        do {
            // A machine's own addresses are reached through loopback, whichever interface was asked for; a link-local one is only the machine's
            // own on the link that it was given on.
            if interface != nil, !isLinkLocal,
                let own = try? RouteTable.route(to: address, interface: nil, source: source, &netlink), own.kind == .local
            {
                return .way(own)
            }
            if var route = try RouteTable.route(
                to: address, interface: interface?.index, source: source, isTCP: isTCP, ports: ports, &netlink)
            {
                // A connection's way is looked up once more with the source that the first look has given it (ip_route_connect in Linux).
                if source == nil, address.family == .v4, rules.lookAtSources,
                    let second = try RouteTable.route(
                        to: address, interface: interface?.index, source: route.source, isTCP: isTCP, ports: ports, &netlink)
                {
                    route = second
                }
                if isLinkLocal, let interface { route.scope = interface.index }
                return .way(route)
            }
        } catch {
            return .nothing(.init(reason: .noRoute, words: Self.words(for: error, via)))
        }
        return .nothing(.init(reason: .noRoute, words: "their route\(via) gives no source address: give this machine one"))
    }

    /// What the kernel's refusal means (ip-route(8), the types of routes).
    private static func words(for error: Errno, _ via: String) -> String {
        switch error {
        case .invalidArgument: "a blackhole route\(via) swallows all that goes there"
        case .permissionDenied: "a prohibit route\(via) forbids what goes there"
        case .noRouteToHost: "an unreachable route\(via) refuses what goes there"
        case .resourceTemporarilyUnavailable: "a throw route leads nowhere, and there is no route\(via) behind it: add one"
        case .networkUnreachable: "there is no route\(via): add one"
        default: "there is no route\(via) (\(error.description)): add one"
        }
    }
}
