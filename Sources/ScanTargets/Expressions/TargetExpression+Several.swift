extension TargetExpression {
    /// Reads the targets that commas separate, `a,b`, `host:22,80`; a comma inside an address belongs to a pattern, `192.0.2.1,5`.
    package static func each(
        in text: String, _ body: (TargetExpression) throws(ExpressionError) -> Void
    ) throws(ExpressionError) {
        try each(in: Bytes(text), location: nil, body)
    }

    static func each(
        in bytes: Bytes, location: @autoclosure () -> String?, _ body: (TargetExpression) throws(ExpressionError) -> Void
    ) throws(ExpressionError) {
        guard bytes.contains(Ascii.comma), !OctetPattern.isPattern(bytes), !isURL(bytes) else {
            return try body(TargetExpression(bytes, location: location()))
        }
        var reader = Reader(whole: bytes)
        for item in bytes.items {
            if let target = try reader.take(item, location()) { try body(target) }
        }
        if let target = try reader.finish(location()) { try body(target) }
    }

    /// Reads items between commas one behind another; those of a pattern belong together: `10.0.0.1,5,10.0.1.1` has two.
    private struct Reader {
        let whole: Bytes
        private var held: Bytes?
        /// In front of the port of the item before.
        private var host: Bytes?

        init(whole: Bytes) { self.whole = whole }

        /// The target that the items so far make, now that another comes.
        mutating func take(_ item: Bytes, _ location: @autoclosure () -> String?) throws(ExpressionError) -> TargetExpression? {
            if let held, item.isPartOfOctet, held.count < Self.longestPattern, !held.contains(Ascii.colon) {
                let joined = whole[held.startIndex..<item.endIndex]
                if OctetPattern.isPattern(joined) {
                    self.held = joined
                    return nil
                }
            }
            let target = try held.map { held throws(ExpressionError) in try read(held, location()) }
            held = item.trimmed
            return target
        }

        mutating func finish(_ location: @autoclosure () -> String?) throws(ExpressionError) -> TargetExpression? {
            try held.map { held throws(ExpressionError) in try read(held, location()) }
        }

        /// Longer than any pattern that is not refused for its length.
        private static let longestPattern = 300

        private mutating func read(_ item: Bytes, _ location: @autoclosure () -> String?) throws(ExpressionError) -> TargetExpression {
            // `host:22,80`: a number alone is no target.
            if let host, item.isDigits { return try TargetExpression(host + [Ascii.colon] + item, location: location()) }
            guard !item.isEmpty else {
                let fault = SyntaxFault(
                    at: item.startIndex, "a target is missing beside the comma", remedy: "leave the comma out, or write the target")
                throw ExpressionError(asked: whole, fault: fault, location: location())
            }
            let target = try TargetExpression(item, location: location())
            host = target.port == nil ? nil : item.lastIndex(of: Ascii.colon).map { item[..<$0] }
            return target
        }
    }

    static func isURL(_ bytes: Bytes) -> Bool {
        bytes.parts(around: Ascii.colon)?.after.starts(with: [Ascii.slash, Ascii.slash]) ?? false
    }
}

extension Bytes {
    /// `5`, `1-9`, `*`: what goes on with a pattern.
    fileprivate var isPartOfOctet: Bool {
        !isEmpty && allSatisfy { $0.isDigit || $0 == Ascii.hyphen || $0 == Ascii.asterisk }
            && contains { $0.isDigit || $0 == Ascii.asterisk }
    }
}
