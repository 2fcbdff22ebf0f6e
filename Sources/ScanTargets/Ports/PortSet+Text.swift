extension PortSet: LosslessStringConvertible {
    /// Reads what `description` writes: ports and ranges between commas, the empty text for the empty set, in any order. Nil for anything
    /// else, port 0 included. What a person types goes through `PortExpression`.
    package init?(_ text: String) {
        self.init(Bytes(text))
    }

    init?(_ text: Bytes) {
        guard !text.isEmpty else {
            self.init()
            return
        }
        var ranges: [ClosedRange<UInt16>] = []
        for item in text.items {
            guard let range = PortSyntax.range(item) else { return nil }
            ranges.append(range)
        }
        self.init(ranges)
    }

    /// Ports and ranges in ascending order between commas: `22,80,8000-8080`; empty for the empty set.
    package var description: String {
        ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
    }
}
