/// Rows in aligned columns, printed as they come.
///
/// The first rows are held back to learn how wide the columns are; a longer cell that comes later widens its column from there on.
package struct Table {
    package enum Alignment: Sendable {
        case left, right
    }

    package struct Column: Sendable {
        package let title: String
        package let alignment: Alignment
        /// Chooses the ink by what the cell says.
        package let ink: @Sendable (String) -> Style.Ink?

        package init(_ title: String, _ alignment: Alignment = .left, ink: @escaping @Sendable (String) -> Style.Ink? = { _ in nil }) {
            self.title = title
            self.alignment = alignment
            self.ink = ink
        }
    }

    private static let heldRows = 512

    private let columns: [Column]
    private let style: Style
    private var widths: [Int]
    private var held: [[String]] = []
    private var hasStarted = false

    package init(_ columns: [Column], style: Style) {
        self.columns = columns
        self.style = style
        widths = columns.map(\.title.count)
    }

    /// Takes a row of one cell a column (missing ones are empty) and returns the text that can be printed now, often none.
    package mutating func add(_ cells: [String]) -> String {
        for (index, cell) in cells.prefix(columns.count).enumerated() { widths[index] = max(widths[index], Self.width(of: cell)) }
        if hasStarted { return line(cells, isTitle: false) }
        held.append(cells)
        return held.count < Self.heldRows ? "" : start()
    }

    /// The rest of the text; empty when there was no row at all.
    package mutating func finish() -> String {
        hasStarted || held.isEmpty ? "" : start()
    }

    private mutating func start() -> String {
        hasStarted = true
        defer { held = [] }
        return held.reduce(into: line(columns.map(\.title), isTitle: true)) { $0 += line($1, isTitle: false) }
    }

    private func line(_ cells: [String], isTitle: Bool) -> String {
        var text = ""
        var gap = 0
        for (index, column) in columns.enumerated() {
            let cell = index < cells.count ? cells[index] : ""
            let padding = widths[index] - Self.width(of: cell)
            let inked = style(isTitle ? .bold : column.ink(cell), cell)
            if column.alignment == .right { gap += padding }
            if !cell.isEmpty {
                text += String(repeating: " ", count: gap) + inked
                gap = 0
            }
            gap += (column.alignment == .left ? padding : 0) + 2
        }
        return text + "\n"
    }

    /// How many characters it has; ASCII is counted by bytes, which is much faster.
    private static func width(of text: String) -> Int {
        text.utf8.count == text.unicodeScalars.count ? text.utf8.count : text.count
    }
}
