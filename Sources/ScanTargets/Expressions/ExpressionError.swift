/// A target, port or list expression that cannot be used: what was given, where it is wrong, and what to write instead.
///
/// All parts are safe to show: control and other invisible characters are written as escapes (`\n`, `\u{1B}`).
package struct ExpressionError: Error, Sendable, Equatable {
    /// What was given, shortened to the surroundings of the fault where it is long.
    package let asked: String
    /// The place of the fault in `asked`, in characters from 1; one more than `asked` has where something is missing at its end.
    package let position: Int
    /// What is wrong, as a clause: `the last address 10.0.0.1 comes before the first, 10.0.0.9`.
    package let problem: String
    /// What to do about it, as a clause: `write the lower address first: 10.0.0.1-10.0.0.9`.
    package let remedy: String
    /// Where the text came from, as in `targets.txt, line 3`; nil for the command line.
    package let location: String?
    /// False for an error about a text as a whole, such as an exclusion that leaves nothing.
    private let hasPlace: Bool

    /// How many bytes are shown on either side of a fault.
    private static let shownBytes = 60

    /// An error about a text as a whole; its position is 1, and its description leaves that out.
    package init(asked: String, problem: String, remedy: String, location: String? = nil) {
        let text = Bytes(asked)
        self.init(asked: text, fault: SyntaxFault(at: text.startIndex, problem, remedy: remedy), location: location, hasPlace: false)
    }

    /// - Parameter asked: the text that `fault.offset` is an index of.
    init(asked text: Bytes, fault: SyntaxFault, location: String? = nil, hasPlace: Bool = true) {
        let cut = min(max(fault.offset, text.startIndex), text.endIndex)
        let before = text[..<cut]
        let after = text[cut...]
        let start = before.count > Self.shownBytes ? "…" + before.suffix(Self.shownBytes).escaped : before.escaped
        let end = after.count > Self.shownBytes ? after.prefix(Self.shownBytes).escaped + "…" : after.escaped
        asked = start + end
        position = start.count + 1
        problem = fault.problem
        remedy = fault.remedy
        self.location = location.map { Bytes($0).escaped }
        self.hasPlace = hasPlace
    }
}

extension ExpressionError: CustomStringConvertible {
    /// One sentence: `targets.txt, line 3: "10.0.0.9-10.0.0.1", character 10: the last address … ; write the lower address first: …`.
    package var description: String {
        let source = location.map { "\($0): " } ?? ""
        let place = hasPlace ? ", character \(position)" : ""
        return "\(source)\"\(asked)\"\(place): \(problem); \(remedy)"
    }
}
