import ScanAPI
import ScanTargets

/// Tells what each exclusion of a request leaves out: of a list all together, of a single expression by itself.
struct ExclusionReport {
    /// So many are told of one by one; what follows is one more.
    static let shown = 64

    let lines: [Exclusion]

    /// - Parameter exclusions: those of `request.exclude`, in its order, and behind them the one of `excludePorts`.
    init(_ request: JobRequest, _ exclusions: [TargetSelection.Exclusion], of selection: TargetSelection) throws {
        let texts = request.exclude ?? []
        let sizes = try Self.sizes(of: texts, exclusions.count - (request.excludePorts == nil ? 0 : 1))
        let sources = request.excludeSources ?? texts.prefix(Self.shown + 1).map { .init(name: $0, count: 1) }
        guard sources.count <= 10_000, sources.allSatisfy({ 0...texts.count ~= $0.count }),
            request.excludeSources == nil || sources.reduce(0, { $0 + $1.count }) == texts.count
        else {
            throw Refusal(.usage, "The sources of what is to be left out have other numbers than the list has: leave exclude_sources out.")
        }
        var (lines, text, next): ([Exclusion], Int, Int) = ([], 0, 0)
        for (index, source) in sources.enumerated() where index <= Self.shown {
            let isRest = index == Self.shown
            let end = isRest ? texts.count : text + source.count
            let last = next + sizes[text..<end].reduce(0, +)
            let all = TargetSelection.Exclusion(joining: exclusions[next..<last])
            let taken = selection.taken(by: all)
            let isExpression = source.count == 1 && !isRest && source.name == texts[text]
            lines.append(
                Exclusion(
                    name: isRest ? "all others" : RequestReader.shown(source.name), entries: isExpression ? nil : end - text,
                    addresses: Int64(clamping: taken.addresses), targets: Int64(clamping: taken.targets)))
            (text, next) = (end, last)
        }
        if let ports = exclusions.last, exclusions.count > next, let name = request.excludePorts {
            let taken = selection.taken(by: ports)
            lines.append(
                Exclusion(
                    name: "ports \(RequestReader.shown(name))", entries: nil, addresses: Int64(clamping: taken.addresses),
                    targets: Int64(clamping: taken.targets)))
        }
        self.lines = lines
    }

    /// How many exclusions each text gave; each one gives one at least.
    private static func sizes(of texts: [String], _ count: Int) throws(ExpressionError) -> [Int] {
        guard texts.count != count else { return Array(repeating: 1, count: count) }
        var sizes: [Int] = []
        for text in texts {
            var size = 0
            try TargetExpression.each(in: text) { _ in size += 1 }
            sizes.append(size)
        }
        return sizes
    }
}

extension TargetSelection.Exclusion {
    fileprivate init(joining parts: ArraySlice<TargetSelection.Exclusion>) {
        self.init(
            label: "", addresses: AddressSet(parts.flatMap(\.addresses.ranges)), endpoints: parts.flatMap(\.endpoints),
            ports: PortSet(parts.flatMap(\.ports.ranges)))
    }
}
