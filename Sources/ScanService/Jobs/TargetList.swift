import ScanAPI
import ScanTargets

/// The targets of a request, read: addresses merged, names and single endpoints kept apart. Holds millions of expressions in little memory.
struct TargetList: Sendable {
    private var ranges: [AddressRange] = []
    private var endpoints: [Endpoint] = []
    private var named: [TargetExpression] = []
    /// The interface on whose link the link-local ones are.
    private(set) var zone: String?

    /// Throws `ExpressionError` for the first text that is no target, and a `Refusal` for zones that differ.
    init(_ texts: [String]) throws {
        for text in texts {
            let expression = try TargetExpression(parsing: text)
            if let named = expression.zone {
                guard zone == nil || zone == named else {
                    throw Refusal(.usage, "The targets have the zones \(zone ?? "") and \(named): scan each link with a job of its own.")
                }
                zone = named
            }
            switch (expression.hosts, expression.port) {
            case (.name, _): named.append(expression)
            case (.addresses(let range), nil): ranges.append(range)
            case (.addresses(let range), let port?): endpoints.append(Endpoint(address: range.first, port: port))
            }
        }
    }

    var names: [String] { named.compactMap(\.name) }

    /// The targets: addresses at `ports`, endpoints at their own.
    func selection(ports: PortSet, resolved: [String: [IPAddress]]) -> TargetSelection {
        var (ranges, endpoints) = (ranges, endpoints)
        for expression in named {
            for address in expression.addresses(resolved).ranges {
                if let port = expression.port {
                    endpoints += AddressSet(CollectionOfOne(address)).each.map { Endpoint(address: $0, port: port) }
                } else {
                    ranges.append(address)
                }
            }
        }
        return TargetSelection(hosts: AddressSet(ranges), ports: ports, endpoints: endpoints)
    }
}

extension TargetExpression {
    /// The host name, nil for addresses.
    var name: String? {
        if case .name(let name) = hosts { name } else { nil }
    }

    func addresses(_ resolved: [String: [IPAddress]]) -> AddressSet {
        switch hosts {
        case .addresses(let range): AddressSet(CollectionOfOne(range))
        case .name(let name): AddressSet((resolved[name] ?? []).map { AddressRange($0) })
        }
    }

    /// What leaving this expression out leaves out.
    func exclusion(_ resolved: [String: [IPAddress]]) -> TargetSelection.Exclusion {
        let addresses = addresses(resolved)
        guard let port else { return .init(label: text, addresses: addresses) }
        return .init(label: text, endpoints: addresses.each.map { Endpoint(address: $0, port: port) })
    }
}

extension AddressSet {
    /// Every address; only for sets of single hosts.
    fileprivate var each: [IPAddress] {
        (0..<UInt64(clamping: min(count, 65_536))).compactMap { address(at: $0) }
    }
}
