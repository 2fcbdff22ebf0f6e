/// A job's id or name as it stands in a path; nothing in it needs escaping.
package struct JobReference: Sendable, Hashable, CustomStringConvertible {
    package let text: String

    package init(id: Int64) {
        text = String(id)
    }

    /// `nil` unless `text` matches `[A-Za-z0-9._-]{1,64}` and is not a path's `.` or `..`.
    package init?(_ text: String) {
        guard Self.isName(text), text != ".", text != ".." else { return nil }
        self.text = text
    }

    /// What was typed for a job.
    package init(typed text: String) throws(ClientError) {
        guard let reference = JobReference(text) else {
            throw .usage("\(Escaping.forTerminal(text)) is neither a job's number nor a name; synscan jobs lists them.")
        }
        self = reference
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
}
