/// The bytes that the grammars of this module give a meaning to.
enum Ascii {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let space = UInt8(ascii: " ")
    static let exclamationMark = UInt8(ascii: "!")
    static let numberSign = UInt8(ascii: "#")
    static let percent = UInt8(ascii: "%")
    static let asterisk = UInt8(ascii: "*")
    static let comma = UInt8(ascii: ",")
    static let hyphen = UInt8(ascii: "-")
    static let dot = UInt8(ascii: ".")
    static let slash = UInt8(ascii: "/")
    static let zero = UInt8(ascii: "0")
    static let colon = UInt8(ascii: ":")
    static let semicolon = UInt8(ascii: ";")
    static let equals = UInt8(ascii: "=")
    static let at = UInt8(ascii: "@")
    static let questionMark = UInt8(ascii: "?")
    static let openBracket = UInt8(ascii: "[")
    static let closeBracket = UInt8(ascii: "]")
    static let underscore = UInt8(ascii: "_")
}

extension UInt8 {
    var isDigit: Bool { self &- Ascii.zero < 10 }
    var isLetter: Bool { (self | 0x20) &- UInt8(ascii: "a") < 26 }
    /// White space that separates words: space, and tab to carriage return (0x09–0x0d), line ends included.
    var isBlank: Bool { self == Ascii.space || self &- Ascii.tab < 5 }

    /// The value of a hexadecimal digit in either case, nil for any other byte.
    var hexDigitValue: UInt8? {
        if isDigit { return self - Ascii.zero }
        let place = (self | 0x20) &- UInt8(ascii: "a")
        return place < 6 ? place + 10 : nil
    }
}
