/// Host names: labels of letters, digits and hyphens between dots (RFC 952, RFC 1123 §2.1); underscores are allowed because DNS names in
/// use hold them.
enum HostNameSyntax {
    /// The longest name in text form without its final dot (RFC 1035 §2.3.4).
    private static let longestName = 253
    private static let longestLabel = 63
    private static let remedy = "write a name of letters, digits and hyphens between single dots, or an address"

    /// The name in lower case; a final dot stays, it tells the resolver that the name is complete.
    static func parse(_ text: Bytes) throws(SyntaxFault) -> String {
        let name = text.last == Ascii.dot ? text.dropLast() : text
        guard name.count <= longestName else {
            throw SyntaxFault(at: text.startIndex, "the name has \(name.count) characters, \(longestName) are allowed", remedy: remedy)
        }
        for label in name.split(separator: Ascii.dot, omittingEmptySubsequences: false) { try check(label) }
        guard name.contains(where: \.isLetter) else {
            throw SyntaxFault(at: text.startIndex, "a name needs at least one letter", remedy: remedy)
        }
        return text.lowercased
    }

    /// True for what programs may read as an address instead of a name: no letter at all, or a last label that is a decimal or `0x` number,
    /// so that `inet_aton` would take it (RFC 6943 §3.1.1, the loose form).
    static func looksLikeAddress(_ text: Bytes) -> Bool {
        let name = text.last == Ascii.dot ? text.dropLast() : text
        let last = name.suffix { $0 != Ascii.dot }
        return last.isDigits || last.isHexNumber || !name.contains { $0.isLetter || $0 == Ascii.underscore }
    }

    private static func check(_ label: Bytes) throws(SyntaxFault) {
        guard !label.isEmpty else { throw SyntaxFault(at: label.startIndex, "a part of the name is missing", remedy: remedy) }
        guard label.count <= longestLabel else {
            throw SyntaxFault(
                at: label.startIndex, "a part of the name has \(label.count) characters, \(longestLabel) are allowed", remedy: remedy)
        }
        if let index = label.firstIndex(where: { !$0.isNameByte }) {
            throw SyntaxFault(at: index, "\"\(label[index...].firstEscaped)\" does not belong in a name", remedy: remedy)
        }
        guard label.first != Ascii.hyphen else {
            throw SyntaxFault(at: label.startIndex, "a part of the name begins with a hyphen", remedy: remedy)
        }
        guard label.last != Ascii.hyphen else {
            throw SyntaxFault(at: label.endIndex - 1, "a part of the name ends with a hyphen", remedy: remedy)
        }
    }
}

extension UInt8 {
    fileprivate var isNameByte: Bool { isLetter || isDigit || self == Ascii.hyphen || self == Ascii.underscore }
}

extension Bytes {
    fileprivate var isHexNumber: Bool {
        guard first == Ascii.zero, let (_, digits) = parts(around: UInt8(ascii: "x")) ?? parts(around: UInt8(ascii: "X")) else {
            return false
        }
        return digits.startIndex == startIndex + 2 && digits.allSatisfy { $0.hexDigitValue != nil }
    }

    fileprivate func suffix(while predicate: (UInt8) -> Bool) -> Bytes {
        self[(lastIndex { !predicate($0) }.map { $0 + 1 } ?? startIndex)...]
    }
}
