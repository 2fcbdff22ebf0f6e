/// Colours for people, by ANSI's SGR sequences; does nothing where colour is not wanted.
package struct Style: Sendable {
    package enum Ink: String, Sendable {
        case bold = "1"
        case faint = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }

    private let isOn: Bool

    package init(_ terminal: Terminal) {
        isOn = terminal.hasColour
    }

    package func callAsFunction(_ ink: Ink?, _ text: String) -> String {
        guard isOn, let ink else { return text }
        return "\u{1b}[\(ink.rawValue)m\(text)\u{1b}[0m"
    }

    /// The ink of a target's state or a job's state, by its word.
    package static func ink(ofState word: String) -> Ink? {
        switch word {
        case "open", "finished": .green
        case "closed", "failed", "cancelled": .red
        case "filtered", "waiting", "paused": .yellow
        default: nil
        }
    }
}
