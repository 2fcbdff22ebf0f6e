/// Port numbers and their ranges, without the names and shorthands of `PortExpression`.
enum PortSyntax {
    /// A number from 1 to 65535 without sign and leading zeros; nil for anything else.
    static func port(_ text: Bytes) -> UInt16? {
        text.decimal.flatMap(UInt16.init(exactly:)).flatMap { $0 == 0 ? nil : $0 }
    }

    /// `a` or `a-b` with a <= b; nil for anything else.
    static func range(_ text: Bytes) -> ClosedRange<UInt16>? {
        guard let (first, last) = text.parts(around: Ascii.hyphen) else { return port(text).map { $0...$0 } }
        guard let lower = port(first), let upper = port(last), lower <= upper else { return nil }
        return lower...upper
    }

    /// The same as `port`, with a sentence for what is wrong.
    static func requiredPort(_ text: Bytes) throws(SyntaxFault) -> UInt16 {
        if let port = port(text) { return port }
        throw SyntaxFault(at: text.startIndex, problem(with: text), remedy: "write a number from 1 to 65535")
    }

    private static func problem(with text: Bytes) -> String {
        guard !text.isEmpty else { return "the port is missing" }
        guard text.isDigits else { return "\"\(text.printable)\" is not a port number" }
        guard let number = text.decimal else { return "the port \(text.printable) has leading zeros" }
        return number == 0 ? "port 0 is reserved and cannot be scanned" : "the port \(text.printable) is larger than 65535"
    }
}
