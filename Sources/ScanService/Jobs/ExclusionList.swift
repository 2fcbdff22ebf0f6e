import ScanAPI
import ScanTargets

/// The exclusions of a request, read: those of one source, such as a file, all together. Holds millions of expressions in little memory.
struct ExclusionList: Sendable {
    /// So many sources are told of one by one; what follows is one more.
    static let shown = 64

    private struct Source: Sendable {
        var name: String
        /// Whether it is one text that was given by itself.
        var isSingle: Bool
        /// How many expressions it has.
        var entries = 0
        var pile = ExpressionPile()
        /// Those with a zone, by the interface on whose link they are.
        var zoned: [String: ExpressionPile] = [:]
    }

    private var sources: [Source] = []
    private let ports: String?

    private var doubt = PortDoubt()
    private var blocks = BlockBudget()

    /// Throws `ExpressionError` for the first text that is no target, and a `Refusal` where the sources do not fit the texts.
    init(_ request: JobRequest) throws {
        ports = request.excludePorts
        var rest = (request.exclude ?? [])[...]
        for source in try Self.sources(of: request) {
            sources.append(Source(name: source.name, isSingle: source.count == 1 && source.name == rest.first))
            for text in rest.prefix(source.count) { try add(text) }
            rest = rest.dropFirst(source.count)
        }
        try doubt.check()
    }

    /// The request's sources, or each text as one; behind the first ones, all others together.
    private static func sources(of request: JobRequest) throws(Refusal) -> [JobRequest.ExcludeSource] {
        let texts = request.exclude ?? []
        let sources = request.excludeSources ?? texts.prefix(shown).map { .init(name: $0, count: 1) }
        let total = sources.reduce(0) { $0.addingReportingOverflow($1.count).partialValue }
        guard sources.count <= 10_000, sources.allSatisfy({ 0...texts.count ~= $0.count }),
            request.excludeSources == nil || total == texts.count
        else {
            throw Refusal(.usage, "The sources of what is to be left out have other numbers than the list has: leave exclude_sources out.")
        }
        let first = sources.prefix(shown)
        let others = texts.count - first.reduce(0) { $0 + $1.count }
        return first + (others > 0 || sources.count > shown ? [.init(name: "all others", count: others)] : [])
    }

    private mutating func add(_ text: String) throws {
        let index = sources.count - 1
        try TargetExpression.each(in: text) { expression throws(ExpressionError) in
            doubt.note(expression)
            try blocks.take(expression)
            sources[index].entries += 1
            if let zone = expression.zone {
                sources[index].zoned[zone, default: ExpressionPile()].add(expression)
            } else {
                sources[index].pile.add(expression)
            }
        }
    }

    var names: [String] { sources.flatMap(\.pile.names) }

    /// What each source leaves out of a job whose link-local targets are on the link of `interface`, and behind them the ports.
    func exclusions(
        resolved: [String: [IPAddress]], on interface: String?, _ services: ServiceNames
    ) throws(ExpressionError) -> [TargetSelection.Exclusion] {
        var exclusions = sources.map { source in
            var (addresses, endpoints) = source.pile.resolved(by: resolved)
            if let zoned = interface.flatMap({ source.zoned[$0] })?.resolved(by: resolved) {
                addresses = addresses.union(zoned.addresses)
                endpoints += zoned.endpoints
            }
            return TargetSelection.Exclusion(label: source.name, addresses: addresses, endpoints: endpoints)
        }
        if let ports { exclusions.append(.init(label: ports, ports: try PortExpression.parse(ports, services: services))) }
        return exclusions
    }

    /// What each of `exclusions`, those of this list, takes from `selection` by itself.
    func report(_ exclusions: [TargetSelection.Exclusion], of selection: TargetSelection) -> [ScanAPI.Exclusion] {
        exclusions.enumerated().map { index, exclusion in
            let taken = selection.taken(by: exclusion)
            let name = RequestReader.shown(exclusion.label)
            let source = index < sources.count ? sources[index] : nil
            return ScanAPI.Exclusion(
                name: source == nil ? "ports \(name)" : name, entries: source.flatMap { $0.isSingle ? nil : $0.entries },
                addresses: Int64(clamping: taken.addresses), targets: Int64(clamping: taken.targets))
        }
    }
}
