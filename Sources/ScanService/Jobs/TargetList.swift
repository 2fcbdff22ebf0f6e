import ScanAPI
import ScanTargets

/// The targets of a request, read: addresses merged, names and single endpoints kept apart. Holds millions of expressions in little memory.
struct TargetList: Sendable {
    private var pile = ExpressionPile()
    /// The interface on whose link the link-local ones are.
    private(set) var zone: String?

    private var doubt = PortDoubt()
    private var blocks = BlockBudget()

    /// Throws `ExpressionError` for the first text that is no target, and a `Refusal` for zones that differ.
    init(_ texts: [String]) throws {
        for text in texts {
            try TargetExpression.each(in: text) { expression throws(ExpressionError) in
                doubt.note(expression)
                try blocks.take(expression)
                add(expression)
            }
            if let otherZone {
                throw Refusal(.usage, "The targets have the zones \(zone ?? "") and \(otherZone): scan each link with a job of its own.")
            }
        }
        try doubt.check()
    }

    private var otherZone: String?

    private mutating func add(_ expression: TargetExpression) {
        if let named = expression.zone {
            if let zone, zone != named { otherZone = named }
            zone = zone ?? named
        }
        pile.add(expression)
    }

    var names: [String] { pile.names }

    /// The targets: addresses at `ports`, endpoints at their own.
    func selection(ports: PortSet, resolved: [String: [IPAddress]]) -> TargetSelection {
        let (addresses, endpoints) = pile.resolved(by: resolved)
        return TargetSelection(hosts: addresses, ports: ports, endpoints: endpoints)
    }
}

/// Counts the separate blocks that patterns give: a few bytes of a request may stand for 65,536 of them.
struct BlockBudget {
    private var left = 262_144

    mutating func take(_ expression: TargetExpression) throws(ExpressionError) {
        guard case .blocks(let ranges) = expression.hosts else { return }
        left -= ranges.count
        guard left >= 0 else {
            throw ExpressionError(
                asked: expression.text, problem: "with this pattern the request has more than 262144 separate blocks of addresses",
                remedy: "write networks or ranges instead, or submit several jobs")
        }
    }
}

extension TargetExpression {
    /// The host name, nil for addresses.
    var name: String? {
        if case .name(let name) = hosts { name } else { nil }
    }

    func addresses(_ resolved: [String: [IPAddress]]) -> AddressSet {
        switch hosts {
        case .addresses, .blocks: AddressSet(ranges)
        case .name(let name): AddressSet((resolved[name] ?? []).map { AddressRange($0) })
        }
    }
}

extension AddressSet {
    /// Every address; only for sets of single hosts.
    var each: [IPAddress] {
        (0..<UInt64(clamping: min(count, 65_536))).compactMap { address(at: $0) }
    }
}
