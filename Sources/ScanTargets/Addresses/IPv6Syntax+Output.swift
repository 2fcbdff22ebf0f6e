extension IPv6Syntax {
    /// The canonical text of RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as `::` (the first of equal
    /// ones), and IPv4-mapped addresses (RFC 4291 §2.5.5.2) with a dotted quad at the end.
    static func text(of value: UInt128) -> String {
        if value >> 32 == 0xffff { return "::ffff:" + IPv4Syntax.text(of: UInt32(truncatingIfNeeded: value)) }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: value >> UInt128(112 - 16 * $0)) }
        guard let zeros = longestZeroRun(in: groups) else { return text(of: groups[...]) }
        return text(of: groups[..<zeros.lowerBound]) + "::" + text(of: groups[zeros.upperBound...])
    }

    private static func text(of groups: ArraySlice<UInt16>) -> String {
        groups.map { String($0, radix: 16) }.joined(separator: ":")
    }

    private static func longestZeroRun(in groups: [UInt16]) -> Range<Int>? {
        var longest = 0..<1
        var start = 0
        for end in 1...groups.count {
            if groups[end - 1] != 0 { start = end }
            if end - start > longest.count { longest = start..<end }
        }
        return longest.count > 1 ? longest : nil
    }
}
