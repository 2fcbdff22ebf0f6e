/// A job as people call it, and as it stands in a path: by number, by name, or by its user and name.
package struct JobReference: Sendable, Hashable, CustomStringConvertible {
    /// As it was typed.
    package let text: String
    /// One element of a path; nothing in it needs escaping.
    package let path: String

    package init(id: Int64) {
        text = String(id)
        path = text
    }

    /// `nil` unless `text` matches `[A-Za-z0-9._-]{1,64}` and is not a path's `.` or `..`.
    package init?(_ text: String) {
        guard Self.isName(text), text != ".", text != ".." else { return nil }
        self.text = text
        path = text
    }

    /// What was typed for a job: a number, a name, `USER/NAME` or `UID/NAME`. `uid` looks users up.
    package init(typed text: String, uid: (String) -> UInt32? = UserDirectory.id(ofUser:)) throws(ClientError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count == 2 {
            let (user, name) = (String(parts[0]), String(parts[1]))
            guard let reference = JobReference(name), !name.utf8.allSatisfy(Self.isDigit) else {
                throw .usage("\(Escaping.forTerminal(text)) is not a user and the name of a job; a job's number stands alone.")
            }
            let number = !user.isEmpty && user.utf8.allSatisfy(Self.isDigit) ? UInt32(user) : uid(user)
            guard let number else {
                throw .usage("\(Escaping.forTerminal(text)) is no job: there is no user \(Escaping.forTerminal(user)) on this machine.")
            }
            self.text = text
            path = "\(number)%2F\(reference.path)"
        } else {
            guard let reference = JobReference(text) else {
                throw .usage("\(Escaping.forTerminal(text)) is neither a job's number nor a name; synscan jobs lists them.")
            }
            self = reference
        }
    }

    package var description: String { text }

    /// Whether a job can be called so.
    package static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
                default: false
                }
            }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
}
