/// The forms in which addresses are written: one address, a network `a/len`, a range `a-b`, and for IPv4 the short range `10.0.0.1-20`.
enum AddressSyntax {
    static func address(_ text: Bytes) throws(SyntaxFault) -> IPAddress {
        text.contains(Ascii.colon) ? IPAddress(v6: try IPv6Syntax.parse(text)) : IPAddress(v4: try IPv4Syntax.parse(text))
    }

    static func range(_ text: Bytes) throws(SyntaxFault) -> AddressRange {
        if let (network, length) = text.parts(around: Ascii.slash) { return try self.network(network, length: length) }
        if let (first, last) = text.parts(around: Ascii.hyphen) { return try range(from: first, through: last) }
        return AddressRange(try address(text))
    }

    private static func network(_ text: Bytes, length: Bytes) throws(SyntaxFault) -> AddressRange {
        let address = try address(text)
        let bits = address.family.bitWidth
        let remedy = "write a length from 0 to \(bits), as in \(address)/\(bits * 3 / 4)"
        guard let number = length.decimal else {
            let problem = length.isEmpty ? "the prefix length is missing" : "\"\(length.printable)\" is not a prefix length"
            throw SyntaxFault(at: length.startIndex, problem, remedy: remedy)
        }
        guard let range = AddressRange(network: address, prefixLength: number) else {
            throw SyntaxFault(
                at: length.startIndex,
                "the prefix length \(length.printable) is larger than the \(bits) bits of an \(address.family) address", remedy: remedy)
        }
        return range
    }

    static func range(from first: Bytes, through last: Bytes) throws(SyntaxFault) -> AddressRange {
        let lower = try address(first)
        let upper = try end(last, ofRangeFrom: lower)
        if let range = AddressRange(first: lower, last: upper) { return range }
        guard lower.family == upper.family else {
            throw SyntaxFault(
                at: last.startIndex, "the range goes from \(lower.family) to \(upper.family)", remedy: "write one range for each family")
        }
        throw SyntaxFault(
            at: last.startIndex, "the last address \(upper) comes before the first, \(lower)",
            remedy: "write the lower address first: \(upper)-\(lower)")
    }

    /// The end of a range: a whole address, or after an IPv4 address just its last number.
    private static func end(_ text: Bytes, ofRangeFrom lower: IPAddress) throws(SyntaxFault) -> IPAddress {
        guard !text.isEmpty else {
            throw SyntaxFault(at: text.startIndex, "the range has no end", remedy: "write both ends, as in 192.0.2.1-192.0.2.20")
        }
        guard let first = lower.v4, text.isDigits else { return try address(text) }
        return IPAddress(v4: first & ~0xff | UInt32(try IPv4Syntax.octet(text)))
    }
}
