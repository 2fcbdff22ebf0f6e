/// UTF-8 text, or a part of one. Slices keep the indices of the whole, so an index says where a fault stands.
typealias Bytes = ArraySlice<UInt8>

extension Bytes {
    init(_ text: some StringProtocol) { self = Array(text.utf8)[...] }

    /// The text in lower case (ASCII letters only).
    var lowercased: String { String(decoding: map { $0 &- 65 < 26 ? $0 | 0x20 : $0 }, as: UTF8.self) }

    /// The bytes as text, fit for a terminal and a log: at most 40 bytes, and nothing that a terminal obeys.
    var printable: String { count > 40 ? prefix(39).escaped + "…" : escaped }

    /// The first character, as `escaped` writes it.
    var firstEscaped: String {
        let scalar = String(decoding: prefix(4), as: UTF8.self).unicodeScalars.first
        return scalar.map { Bytes(String($0)).escaped } ?? ""
    }

    /// True for one or more decimal digits and nothing else.
    var isDigits: Bool { !isEmpty && allSatisfy(\.isDigit) }

    /// A decimal number without sign and leading zeros. Values above 999,999 read as 999,999, beyond every limit that a caller checks.
    var decimal: Int? {
        guard isDigits, count == 1 || first != Ascii.zero else { return nil }
        return reduce(0) { Swift.min($0 * 10 + Int($1 - Ascii.zero), 999_999) }
    }

    /// The part without white space at either end.
    var trimmed: Bytes {
        guard let start = firstIndex(where: { !$0.isBlank }), let end = lastIndex(where: { !$0.isBlank }) else {
            return self[startIndex..<startIndex]
        }
        return self[start...end]
    }

    /// The parts around the first `separator`, nil where it does not occur.
    func parts(around separator: UInt8) -> (before: Bytes, after: Bytes)? {
        firstIndex(of: separator).map { (self[..<$0], self[($0 + 1)...]) }
    }

    /// The text with control, format, private and unassigned characters, odd spaces and combining marks written as escapes.
    var escaped: String {
        if allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return String(decoding: self, as: UTF8.self) }
        return String(decoding: self, as: UTF8.self).unicodeScalars.reduce(into: "") { text, scalar in
            if scalar.isShownAsIs { text.unicodeScalars.append(scalar) } else { text += scalar.escaped(asASCII: true) }
        }
    }
}

extension Unicode.Scalar {
    /// Letters, numbers, punctuation, symbols and the plain space; nothing invisible, nothing that moves or joins its neighbours.
    fileprivate var isShownAsIs: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned: false
        case .lineSeparator, .paragraphSeparator, .nonspacingMark, .spacingMark, .enclosingMark: false
        case .spaceSeparator: self == " "
        default: true
        }
    }
}
