/// How clients name a job.
package enum JobReference: Sendable, Equatable {
    case id(Int64)
    /// The latest job of this name.
    case name(String)

    /// Nil for what is neither an id nor a possible name.
    package init?(_ text: String) {
        if text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) {
            guard let id = Int64(text), id > 0 else { return nil }
            self = .id(id)
        } else {
            guard JobName.isValid(text) else { return nil }
            self = .name(text)
        }
    }
}

/// The names that jobs can have.
package enum JobName {
    /// For people.
    package static let rule = "1 to 64 letters, digits, dots, underscores and hyphens, not digits alone (that is an id), and not . or .."

    package static func isValid(_ name: String) -> Bool {
        let bytes = name.utf8
        guard 1...64 ~= bytes.count, name != ".", name != ".." else { return false }
        return bytes.allSatisfy(isAllowed) && !bytes.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}
