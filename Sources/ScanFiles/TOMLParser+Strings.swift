extension TOMLParser {
    /// A text of any of the four kinds; its first quotation mark is next.
    mutating func string() throws(TOMLFault) -> String {
        let start = self
        if follows("\"\"\"") { return try longString("\"", start) }
        if follows("'''") { return try longString("'", start) }
        let isLiteral = peek == UInt8(ascii: "'")
        advance()
        var bytes: [UInt8] = []
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "'") where isLiteral, UInt8(ascii: "\"") where !isLiteral:
                advance()
                return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"): throw start.fault("this text has no end in its line: a quotation mark is missing")
            case UInt8(ascii: "\\") where !isLiteral: try escape(&bytes)
            default: try plain(byte, &bytes)
            }
        }
        throw start.fault("this text has no end: a quotation mark is missing")
    }

    /// A text that begins and ends with three quotation marks.
    private mutating func longString(_ quote: Unicode.Scalar, _ start: TOMLParser) throws(TOMLFault) -> String {
        advance(3)
        _ = try takeLineEnd()
        var bytes: [UInt8] = []
        while let byte = peek {
            if byte == UInt8(ascii: quote) {
                var count = 0
                while count < 5, take(quote) { count += 1 }
                // Up to two that belong to the text may stand before the three that end it.
                bytes += Array(repeating: UInt8(ascii: quote), count: count < 3 ? count : count - 3)
                if count >= 3 { return String(decoding: bytes, as: UTF8.self) }
            } else if byte == UInt8(ascii: "\\"), quote == "\"" {
                if try !takeFoldedLine() { try escape(&bytes) }
            } else if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                let before = position
                _ = try takeLineEnd()
                bytes += slice(from: before)
            } else {
                try plain(byte, &bytes)
            }
        }
        throw start.fault("this text has no end: three quotation marks are missing")
    }

    private mutating func plain(_ byte: UInt8, _ bytes: inout [UInt8]) throws(TOMLFault) {
        guard !Self.isControl(byte) else { throw fault("\(here) cannot stand in a text as it is") }
        bytes.append(byte)
        advance()
    }

    /// A backslash at the end of a line: it takes all white space up to the next word with it.
    private mutating func takeFoldedLine() throws(TOMLFault) -> Bool {
        var ahead = self
        ahead.advance()
        ahead.skipBlanks()
        guard try ahead.takeLineEnd() else { return false }
        repeat { ahead.skipBlanks() } while try ahead.takeLineEnd()
        self = ahead
        return true
    }

    private mutating func escape(_ bytes: inout [UInt8]) throws(TOMLFault) {
        let start = self
        advance()
        guard let letter = peek else { throw start.fault("this text has no end: a quotation mark is missing") }
        if let byte = Self.escaped(letter) {
            bytes.append(byte)
            advance()
            return
        }
        let length = letter == UInt8(ascii: "u") ? 4 : letter == UInt8(ascii: "U") ? 8 : 0
        guard length > 0 else {
            throw start.fault("a backslash is followed by \(here): write \\\\ for a backslash, or put the text in single quotes")
        }
        advance()
        let first = position
        while position - first < length, let byte = peek, Self.isHex(byte) { advance() }
        let digits = text(from: first)
        guard digits.utf8.count == length, let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw start.fault("\\u takes four hexadecimal digits and \\U eight, of a character that there is")
        }
        bytes += Array(String(Character(scalar)).utf8)
    }

    /// What a letter stands for behind a backslash.
    private static func escaped(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "b"): 8
        case UInt8(ascii: "t"): 9
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "f"): 12
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): letter
        default: nil
        }
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }
}
