/// How clients name a job.
package enum JobReference: Sendable, Equatable {
    case id(Int64)
    /// The latest job of this name: the asker's own where there is one.
    case name(String)
    /// The latest job of this name of the user with this uid.
    case owned(uid: UInt32, name: String)

    /// Reads one element of a path: `7`, `office`, or `1000%2Foffice`. Nil for what is none of these.
    package init?(_ text: String) {
        if let separator = text.firstRange(of: "%2F") ?? text.firstRange(of: "%2f") {
            guard let uid = Self.number(text[..<separator.lowerBound]).flatMap({ UInt32(exactly: $0) }) else { return nil }
            let name = String(text[separator.upperBound...])
            guard JobName.isValid(name) else { return nil }
            self = .owned(uid: uid, name: name)
        } else if text.utf8.allSatisfy(JobName.isDigit) {
            guard let id = Self.number(text[...]), id > 0 else { return nil }
            self = .id(id)
        } else {
            guard JobName.isValid(text) else { return nil }
            self = .name(text)
        }
    }

    /// Digits alone; a sign is none.
    private static func number(_ text: Substring) -> Int64? {
        text.utf8.allSatisfy(JobName.isDigit) ? Int64(text) : nil
    }
}

/// The names that jobs can have.
package enum JobName {
    /// For people.
    package static let rule = "1 to 64 letters, digits, dots, underscores and hyphens, not digits alone (that is an id), and not . or .."

    package static func isValid(_ name: String) -> Bool {
        let bytes = name.utf8
        guard 1...64 ~= bytes.count, name != ".", name != ".." else { return false }
        return bytes.allSatisfy(isAllowed) && !bytes.allSatisfy(isDigit)
    }

    static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
