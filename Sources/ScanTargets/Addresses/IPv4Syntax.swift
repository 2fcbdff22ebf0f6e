/// The dotted quad: four decimal numbers from 0 to 255 without leading zeros (RFC 6943 §3.1.1, the strict form).
enum IPv4Syntax {
    private static let remedy = "write four numbers from 0 to 255, as in 192.0.2.1"

    static func parse(_ text: Bytes) throws(SyntaxFault) -> UInt32 {
        // One part more than there may be is enough to see that there are too many.
        let parts = text.split(separator: Ascii.dot, maxSplits: 4, omittingEmptySubsequences: false)
        if parts.count == 5, parts[4].isEmpty {
            throw SyntaxFault(at: text.endIndex - 1, "a dot stands behind the address", remedy: "leave it out")
        }
        guard parts.count == 4 else { throw SyntaxFault(at: text.startIndex, wrongCount(parts.count, in: text), remedy: remedy) }
        var value: UInt32 = 0
        for part in parts { value = value << 8 | UInt32(try octet(part)) }
        return value
    }

    /// One of the four numbers.
    static func octet(_ text: Bytes) throws(SyntaxFault) -> UInt8 {
        guard let octet = text.decimal.flatMap(UInt8.init(exactly:)) else {
            throw SyntaxFault(at: text.startIndex, problem(with: text), remedy: remedy)
        }
        return octet
    }

    static func text(of value: UInt32) -> String {
        "\(value >> 24).\(value >> 16 & 0xff).\(value >> 8 & 0xff).\(value & 0xff)"
    }

    private static func wrongCount(_ count: Int, in text: Bytes) -> String {
        if text.isEmpty { return "an address is missing" }
        let found = count == 1 ? "is one" : count > 4 ? "are more" : "are \(count)"
        return "an IPv4 address has four numbers, here \(found)"
    }

    private static func problem(with text: Bytes) -> String {
        if text.isEmpty { return "a number is missing" }
        guard text.isDigits else { return "\"\(text.printable)\" is not a number" }
        let hasLeadingZero = text.first == Ascii.zero && text.count > 1
        return hasLeadingZero
            ? "\(text.printable) begins with a zero, which some programs read as octal" : "\(text.printable) is larger than 255"
    }
}
