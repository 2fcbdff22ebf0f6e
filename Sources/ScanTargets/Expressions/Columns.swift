/// Lines of a list that look like the rows of a table: an address with its mask, its name, its port or the end of its range. Read as two targets
/// they would leave out less than whoever wrote them thinks.
enum Columns {
    private enum Shape {
        /// One address alone, one name alone.
        case address, name
        /// A network, a range or a pattern.
        case block
        /// A number, or a port as results have it: `22`, `22/tcp`.
        case port
        /// With a port, a zone, or unreadable.
        case other
    }

    /// The fault of a line with these words; nil where they are targets one by one.
    static func fault(of words: ListWords) -> SyntaxFault? {
        var words = words
        guard let first = words.next() else { return nil }
        guard let second = words.next() else { return faultOfItems(first) }
        guard let remedy = remedy(first, second, before: words.next()) else { return nil }
        return fault(at: second, remedy)
    }

    /// Of columns between commas: an address and what it is called. Two addresses are two targets.
    private static func faultOfItems(_ word: Bytes) -> SyntaxFault? {
        guard word.contains(Ascii.comma), !OctetPattern.isPattern(word), !TargetExpression.isURL(word) else { return nil }
        var items = word.items.makeIterator()
        guard let first = items.next()?.trimmed, let second = items.next()?.trimmed else { return nil }
        let third = items.next()?.trimmed
        switch (shape(first), shape(second)) {
        case (.address, .name), (.block, .name): return fault(at: second, "")
        case (.name, .address) where third == nil: return fault(at: second, "")
        case (.address, .address) where third.map({ shape($0) }) == .name:
            return fault(at: second, "write \(first.printable)-\(second.printable) for a range, or ")
        default: return nil
        }
    }

    /// What else the pair may be, empty where nobody can tell; nil where these are two targets.
    private static func remedy(_ first: Bytes, _ second: Bytes, before third: Bytes?) -> String? {
        let isPair = third == nil
        return switch (shape(first), shape(second)) {
        case (.address, .port), (.name, .port): "write \(withPort(first, second)) for a port of it, or "
        case (.address, .address) where IPv4Mask.length(of: second) ?? 0 >= 8:
            "write \(first.printable)/\(second.printable) for an address with its mask, or "
        // Of neighbours both readings are the same.
        case (.address, .address) where areNeighbours(first, second): nil
        // Of tables of ranges the third column is a name.
        case (.address, .address) where third.map({ shape($0) == .name }) ?? true:
            "write \(first.printable)-\(second.printable) for a range, or "
        case (.address, .name), (.block, .name): ""
        case (.name, .address) where isPair, (.name, .name) where isPair: ""
        default: nil
        }
    }

    private static func areNeighbours(_ first: Bytes, _ second: Bytes) -> Bool {
        guard let first = try? AddressSyntax.address(first), let second = try? AddressSyntax.address(second) else { return false }
        return first.next == second
    }

    private static func fault(at second: Bytes, _ remedy: String) -> SyntaxFault {
        SyntaxFault(
            at: second.startIndex, "the line has two columns, and nobody can tell what the second one is for",
            remedy: remedy + "write one target to a line, and # in front of a comment")
    }

    private static func shape(_ word: Bytes) -> Shape {
        if word.isDigits { return .port }
        if let (port, _) = word.parts(around: Ascii.slash), port.isDigits { return .port }
        guard let target = try? TargetSyntax.parse(word), target.port == nil, target.zone == nil else { return .other }
        switch target.hosts {
        case .name: return .name
        case .addresses(let range):
            let isBare = range.first == range.last && !word.contains(Ascii.slash) && word.first != Ascii.openBracket
            return isBare ? .address : .block
        case .blocks: return .block
        }
    }

    private static func withPort(_ host: Bytes, _ port: Bytes) -> String {
        let number = port.prefix(while: \.isDigit).printable
        return host.contains(Ascii.colon) ? "[\(host.printable)]:\(number)" : "\(host.printable):\(number)"
    }
}
