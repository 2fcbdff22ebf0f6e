/// Makes text from the network or the daemon harmless: nothing in it can move a cursor, colour a line or turn its direction.
package enum Escaping {
    /// `text` with every control or direction character written as `\x1b`, `\u{202e}`, …; a backslash stays single.
    package static func forTerminal(_ text: String) -> String {
        guard needsCare(text.utf8) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            guard isUnsafe(scalar) else {
                result.unicodeScalars.append(scalar)
                continue
            }
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                let digits = String(scalar.value, radix: 16)
                result += scalar.value < 0x100 ? "\\x" + padded(digits, 2) : "\\u{\(digits)}"
            }
        }
        return result
    }

    /// A line of JSON that means the same, with such characters as `\u001b` and invalid UTF-8 repaired (RFC 8259 §7).
    package static func json(_ line: some Collection<UInt8>) -> [UInt8] {
        let isPlain = line.withContiguousStorageIfAvailable { !needsCare($0) } ?? !needsCare(line)
        guard !isPlain else { return Array(line) }
        var result: [UInt8] = []
        for scalar in String(decoding: line, as: UTF8.self).unicodeScalars {
            if isUnsafe(scalar) {
                for unit in String(scalar).utf16 { result += Array("\\u\(padded(String(unit, radix: 16), 4))".utf8) }
            } else {
                result += Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        return result
    }

    /// Anything that is not printable ASCII is looked at closely.
    private static func needsCare(_ bytes: some Collection<UInt8>) -> Bool {
        bytes.contains { $0 < 0x20 || $0 >= 0x7f }
    }

    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
        default: false
        }
    }

    private static func padded(_ digits: String, _ width: Int) -> String {
        String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
