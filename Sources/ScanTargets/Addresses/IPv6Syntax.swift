/// The text of an IPv6 address: read in every form of RFC 4291 §2.2, written in the one form of RFC 5952.
enum IPv6Syntax {
    static func parse(_ text: Bytes) throws(SyntaxFault) -> UInt128 {
        guard let gap = firstGap(in: text) else {
            let groups = try groups(text, endsAddress: true)
            guard groups.count == 8 else {
                throw wrongCount(at: text.startIndex, "without \"::\" an IPv6 address has eight groups, here are \(groups.count)")
            }
            return groups.value
        }
        let head = try groups(text[..<gap], endsAddress: false)
        let tail = try groups(text[(gap + 2)...], endsAddress: true)
        // RFC 4291: "::" stands for at least one group.
        guard head.count + tail.count < 8 else { throw wrongCount(at: gap, "nothing is left for \"::\" to stand for") }
        return head.value << UInt128(16 * (8 - head.count)) | tail.value
    }

    private static func firstGap(in text: Bytes) -> Int? {
        text.indices.dropLast().first { text[$0] == Ascii.colon && text[$0 + 1] == Ascii.colon }
    }

    /// Some groups in a row: their number, and their bits at the low end of `value`.
    private struct Groups {
        var count = 0
        var value: UInt128 = 0

        mutating func append(_ bits: UInt128, groups: Int) {
            value = value << UInt128(16 * groups) | bits
            count += groups
        }
    }

    /// Groups between single colons. Where they end the address, the last 32 bits may be a dotted quad.
    private static func groups(_ text: Bytes, endsAddress: Bool) throws(SyntaxFault) -> Groups {
        var result = Groups()
        guard !text.isEmpty else { return result }
        let parts = text.split(separator: Ascii.colon, maxSplits: 8, omittingEmptySubsequences: false)
        guard parts.count <= 8 else { throw wrongCount(at: parts[8].startIndex, "an IPv6 address has eight groups, here are more") }
        for part in parts {
            if endsAddress, part.endIndex == text.endIndex, part.contains(Ascii.dot) {
                result.append(UInt128(try IPv4Syntax.parse(part)), groups: 2)
            } else {
                result.append(UInt128(try group(part)), groups: 1)
            }
        }
        return result
    }

    private static func group(_ text: Bytes) throws(SyntaxFault) -> UInt16 {
        let remedy = "write groups of one to four hexadecimal digits with at most one \"::\", as in 2001:db8::1"
        guard !text.isEmpty else { throw SyntaxFault(at: text.startIndex, "a group of digits is missing", remedy: remedy) }
        var value: UInt16 = 0
        for index in text.indices {
            guard let digit = text[index].hexDigitValue else {
                throw SyntaxFault(at: index, "\"\(text[index...].firstEscaped)\" is not a hexadecimal digit", remedy: remedy)
            }
            guard index - text.startIndex < 4 else { throw SyntaxFault(at: index, "a group has more than four digits", remedy: remedy) }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    private static func wrongCount(at offset: Int, _ problem: String) -> SyntaxFault {
        SyntaxFault(
            at: offset, problem, remedy: "write eight groups, or fewer with one \"::\", as in 2001:db8::1; with a port, [2001:db8::1]:80")
    }
}
