/// nmap's octet lists: four lists of numbers, ranges and `*` between dots, as in `198.18.64-65.1-9`, `10.0-3.*.1,5`.
enum OctetPattern {
    /// How many separate blocks one pattern may give: `10.*.*.1`.
    static let mostBlocks = 65_536

    /// Whether the text is meant as a pattern, and no other form: digits, commas, stars and hyphens between three dots, with a list, a star, or a
    /// range that is not that of `AddressSyntax`.
    static func isPattern(_ text: Bytes) -> Bool {
        guard text.contains(where: { $0 == Ascii.comma || $0 == Ascii.asterisk || $0 == Ascii.hyphen }), text.first != Ascii.hyphen,
            text.count(where: { $0 == Ascii.dot }) == 3, let last = text.lastIndex(of: Ascii.dot),
            text.allSatisfy({ $0.isDigit || $0 == Ascii.dot || $0 == Ascii.comma || $0 == Ascii.asterisk || $0 == Ascii.hyphen })
        else { return false }
        return text.contains { $0 == Ascii.comma || $0 == Ascii.asterisk } || text[..<last].contains(Ascii.hyphen)
            || text[(last + 1)...].first == Ascii.hyphen
    }

    /// The blocks of a pattern, sorted, none touching another.
    static func parse(_ text: Bytes) throws(SyntaxFault) -> [AddressRange] {
        var octets: [[ClosedRange<UInt32>]] = []
        for part in text.split(separator: Ascii.dot, omittingEmptySubsequences: false) { octets.append(try octet(part)) }
        let blocks = try expanded(octets, text)
        return blocks.compactMap { AddressRange(first: IPAddress(v4: $0.lowerBound), last: IPAddress(v4: $0.upperBound)) }.merged()
    }

    /// From the last octet to the first: the blocks so far lie in `0..<256^k`.
    private static func expanded(_ octets: [[ClosedRange<UInt32>]], _ text: Bytes) throws(SyntaxFault) -> [ClosedRange<UInt32>] {
        var blocks: [ClosedRange<UInt32>] = [0...0]
        for (level, octet) in octets.reversed().enumerated() {
            let shift = UInt32(8 * level)
            let last = (UInt32(1) << shift) - 1
            if blocks == [0...last] {
                blocks = octet.map { $0.lowerBound << shift...($0.upperBound << shift | last) }
                continue
            }
            let values = octet.reduce(0) { $0 + $1.count }
            guard values * blocks.count <= mostBlocks else {
                throw SyntaxFault(
                    at: text.startIndex, "this pattern gives more than \(mostBlocks) separate blocks of addresses",
                    remedy: "write networks or ranges instead, or several patterns in several jobs")
            }
            blocks = octet.joined().flatMap { value in blocks.map { value << shift | $0.lowerBound...(value << shift | $0.upperBound) } }
        }
        return blocks
    }

    /// The values of one octet in ascending order: `1`, `1-9`, `1,3,5-7`, `*`, `-9`, `9-`, `-`.
    private static func octet(_ text: Bytes) throws(SyntaxFault) -> [ClosedRange<UInt32>] {
        var isWanted = [Bool](repeating: false, count: 256)
        for item in text.items {
            for value in try range(item) { isWanted[Int(value)] = true }
        }
        var ranges: [ClosedRange<UInt32>] = []
        for value in UInt32(0)...255 where isWanted[Int(value)] {
            if let last = ranges.last, last.upperBound + 1 == value {
                ranges[ranges.count - 1] = last.lowerBound...value
            } else {
                ranges.append(value...value)
            }
        }
        return ranges
    }

    private static func range(_ item: Bytes) throws(SyntaxFault) -> ClosedRange<UInt32> {
        if item.elementsEqual([Ascii.asterisk]) { return 0...255 }
        guard let (first, last) = item.parts(around: Ascii.hyphen) else {
            let value = UInt32(try IPv4Syntax.octet(item))
            return value...value
        }
        let lower = first.isEmpty ? 0 : UInt32(try IPv4Syntax.octet(first))
        let upper = last.isEmpty ? 255 : UInt32(try IPv4Syntax.octet(last))
        guard lower <= upper else {
            throw SyntaxFault(
                at: item.startIndex, "the range \(item.printable) goes down", remedy: "write the lower number first: \(upper)-\(lower)")
        }
        return lower...upper
    }
}
