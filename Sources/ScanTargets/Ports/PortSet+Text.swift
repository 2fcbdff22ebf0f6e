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

extension PortSet: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let ports = PortSet(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(Bytes(text).printable)\" is not a list of ports")
        }
        self = ports
    }

    /// Writes the set as one string, its description.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
