extension TOMLParser {
    /// A value without quotes: a number, true or false, a date or a time.
    mutating func word() throws(TOMLFault) -> TOMLValue.Content {
        let start = self
        while let byte = peek, Self.isWord(byte) { advance() }
        var word = text(from: start.position)
        // The time may be parted from its date by a blank.
        if Self.isDate(word), peek == UInt8(ascii: " "), let digit = peek(1), Self.isDigit(digit) {
            advance()
            while let byte = peek, Self.isWord(byte) { advance() }
            word = text(from: start.position)
        }
        switch word {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        case "": throw fault("here stands \(here), but a value is expected: a text in quotes, a number, true, false, or a list in [ ]")
        default: break
        }
        if let number = try Self.integer(word, start) { return .integer(number) }
        if let number = Self.float(word) { return .float(number) }
        if Self.isDate(String(word.prefix(10))) || Self.isTime(word) { return .dateTime }
        throw start.fault(
            "\(Self.shown(word: word)) is no number, and neither true nor false; texts stand in quotes: \"\(Self.shown(word: word))\"")
    }

    private static func shown(word: String) -> String {
        word.utf8.count <= 64 ? word : word.prefix(40) + "…"
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    /// What may stand in a word; more than TOML knows, so that a path or an address without its quotes is told as a whole.
    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "/"),
            UInt8(ascii: "@"), UInt8(ascii: "*"), UInt8(ascii: "%"):
            true
        default: false
        }
    }

    /// Digits of a base without their underscores, each of which stands between two digits; nil for anything else.
    private static func digits(_ text: Substring, _ isDigit: (UInt8) -> Bool) -> String? {
        var digits: [UInt8] = []
        var wasDigit = false
        for byte in text.utf8 {
            if isDigit(byte) {
                digits.append(byte)
                wasDigit = true
            } else {
                guard byte == UInt8(ascii: "_"), wasDigit else { return nil }
                wasDigit = false
            }
        }
        return wasDigit ? String(decoding: digits, as: UTF8.self) : nil
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }

    /// Decimal digits, the first of several not 0.
    private static func decimal(_ text: Substring) -> String? {
        guard let digits = digits(text, isDigit), digits.count == 1 || digits.first != "0" else { return nil }
        return digits
    }

    /// Nil for what is no whole number. Throws for one that is too large.
    private static func integer(_ word: String, _ start: TOMLParser) throws(TOMLFault) -> Int64? {
        let number: Int64?
        let bases: [(prefix: String, radix: Int)] = [("0x", 16), ("0o", 8), ("0b", 2)]
        if let base = bases.first(where: { word.hasPrefix($0.prefix) }) {
            let limit = UInt8(ascii: "0") + UInt8(min(base.radix, 10))
            let isDigit: (UInt8) -> Bool = { base.radix == 16 ? isHexDigit($0) : $0 >= UInt8(ascii: "0") && $0 < limit }
            guard let digits = digits(word.dropFirst(2), isDigit) else { return nil }
            number = Int64(digits, radix: base.radix)
        } else {
            let isSigned = word.hasPrefix("+") || word.hasPrefix("-")
            guard let digits = decimal(word.dropFirst(isSigned ? 1 : 0)) else { return nil }
            number = Int64((word.hasPrefix("-") ? "-" : "") + digits)
        }
        guard let number else { throw start.fault("\(shown(word: word)) is more than a whole number of 64 bits holds") }
        return number
    }

    /// Nil for what is no number with a fraction or an exponent.
    private static func float(_ word: String) -> Double? {
        let isSigned = word.hasPrefix("+") || word.hasPrefix("-")
        let sign = word.hasPrefix("-") ? "-" : ""
        var rest = word.dropFirst(isSigned ? 1 : 0)
        if rest == "inf" { return sign.isEmpty ? .infinity : -.infinity }
        if rest == "nan" { return .nan }
        var exponent = ""
        if let mark = rest.firstIndex(where: { $0 == "e" || $0 == "E" }) {
            var after = rest[rest.index(after: mark)...]
            if let first = after.first, first == "+" || first == "-" {
                if first == "-" { exponent = "-" }
                after = after.dropFirst()
            }
            guard let digits = digits(after, isDigit) else { return nil }
            exponent += digits
            rest = rest[..<mark]
        }
        var fraction = "0"
        if let point = rest.firstIndex(of: ".") {
            guard let digits = digits(rest[rest.index(after: point)...], isDigit) else { return nil }
            fraction = digits
            rest = rest[..<point]
        } else if exponent.isEmpty {
            return nil
        }
        guard let whole = decimal(rest) else { return nil }
        return Double("\(sign)\(whole).\(fraction)e\(exponent.isEmpty ? "0" : exponent)")
    }

    /// `2026-11-30`
    private static func isDate(_ word: String) -> Bool { hasForm(word, "dddd-dd-dd") }

    /// `06:00`, and what may follow it
    private static func isTime(_ word: String) -> Bool { hasForm(String(word.prefix(5)), "dd:dd") }

    private static func hasForm(_ word: String, _ form: StaticString) -> Bool {
        form.withUTF8Buffer { form in
            word.utf8.count == form.count && zip(word.utf8, form).allSatisfy { $1 == UInt8(ascii: "d") ? isDigit($0) : $0 == $1 }
        }
    }
}
