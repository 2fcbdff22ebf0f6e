/// Labelled facts, one to a line, the labels in one column.
package struct Facts {
    private static let indent = "  "

    private let style: Style
    private var facts: [(label: String, text: String)] = []

    package init(style: Style) {
        self.style = style
    }

    /// Adds a fact; `nil` and empty ones are left out.
    package mutating func add(_ label: String, _ text: String?, _ ink: Style.Ink? = nil) {
        guard let text, !text.isEmpty else { return }
        facts.append((label, style(ink, Escaping.forTerminal(text))))
    }

    package var text: String {
        let width = facts.map(\.label.count).max() ?? 0
        return facts.reduce(into: "") { result, fact in
            let padding = String(repeating: " ", count: width - fact.label.count + 2)
            result += Self.indent + style(.faint, fact.label) + padding + fact.text + "\n"
        }
    }
}
