import ScanAPI
import ScanTargets

/// The names of a request with what they stand for, and what is said about those that stand for nothing.
struct ResolvedNames: Sendable {
    /// Of the names that resolved: all addresses, and those that are worth asking.
    let addresses: [String: [IPAddress]]
    let targets: [String: [IPAddress]]
    /// Those that did not, sorted.
    let unresolved: [Plan.UnresolvedName]

    /// For which of a request's names a refusal is.
    enum Part {
        case exclusions
        /// Targets of a request that wants all of them or nothing.
        case strictTargets
        /// Targets, where there are no others.
        case allTargets
    }

    /// So many are named in a sentence; a plan names all.
    private static let mostNamed = 100

    init(_ answers: [String: NameResolver.Answer]) {
        var (addresses, targets, unresolved): ([String: [IPAddress]], [String: [IPAddress]], [Plan.UnresolvedName]) = ([:], [:], [])
        for (name, answer) in answers {
            switch answer {
            case .addresses(let known, let apart):
                addresses[name] = known
                targets[name] = known.filter { !apart.contains($0) }
            case .nothing(let problem): unresolved.append(Plan.UnresolvedName(name: name, problem: problem))
            }
        }
        self.addresses = addresses
        self.targets = targets
        self.unresolved = unresolved.sorted { $0.name < $1.name }
    }

    /// The names that resolved, sorted, as a plan tells them: those in `excluded` with all addresses.
    func resolved(excluded: Set<String>) -> [Plan.ResolvedName] {
        targets.sorted { $0.key < $1.key }.map { name, asked in
            let shown = excluded.contains(name) ? addresses[name] ?? [] : asked
            return Plan.ResolvedName(name: name, addresses: shown.map(\.description))
        }
    }

    /// Throws the refusal that names all of `names` that did not resolve, when there are any.
    func refuseUnresolved(among names: [String], of part: Part) throws(Refusal) {
        guard !unresolved.isEmpty, case let wanted = Set(names), case let dead = unresolved.filter({ wanted.contains($0.name) }),
            !dead.isEmpty
        else { return }
        throw Refusal(.usage, "\(Self.sentence(dead)): \(Self.remedy(part, isOne: dead.count == 1)).")
    }

    /// `The name a.example does not resolve (Name or service not known)`
    private static func sentence(_ dead: [Plan.UnresolvedName]) -> String {
        if dead.count == 1 { return "The name \(dead[0].name) does not resolve (\(dead[0].problem))" }
        let named = dead.prefix(mostNamed).map { "\($0.name) (\($0.problem))" }.joined(separator: ", ")
        let others = dead.count > mostNamed ? " and \(dead.count - mostNamed) more" : ""
        return "\(dead.count) names do not resolve, \(named)\(others)"
    }

    private static func remedy(_ part: Part, isOne: Bool) -> String {
        let correct = isOne ? "check its spelling, or give its address" : "check their spelling, or give their addresses"
        switch part {
        case .exclusions: return "nobody can tell what is to be left out then; \(correct)"
        case .strictTargets: return "\(correct), or leave strict (--strict) out: then the rest is scanned"
        case .allTargets: return "nothing is left to scan; \(correct)"
        }
    }
}
