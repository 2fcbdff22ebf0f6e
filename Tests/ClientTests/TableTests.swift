import ScanClient
import Testing

@Suite("Tables align")
struct TableTests {
    private static let columns: [Table.Column] = [.init("ID", .right), .init("NAME"), .init("STATE", ink: Style.ink(ofState:))]

    private func text(_ rows: [[String]], style: Style = Samples.plain) -> String {
        var table = Table(Self.columns, style: style)
        return rows.map { table.add($0) }.joined() + table.finish()
    }

    @Test("columns are as wide as their widest cell, without blanks at the ends of lines")
    func alignment() {
        let expected = """
             ID  NAME     STATE
              7  nightly  open
            123           closed
              9  x

            """
        #expect(text([["7", "nightly", "open"], ["123", "", "closed"], ["9", "x"]]) == expected)
    }

    @Test("characters beyond ASCII count as one")
    func letters() {
        #expect(text([["1", "grün", "open"], ["2", "a", "open"]]) == "ID  NAME  STATE\n 1  grün  open\n 2  a     open\n")
    }

    @Test("no rows, no title")
    func empty() {
        #expect(text([]) == "")
    }

    @Test("colours do not disturb the alignment")
    func colours() {
        let coloured = text([["1", "a", "open"], ["2", "bcdef", "odd"]], style: Samples.coloured)
        #expect(coloured.contains("\u{1b}[32mopen\u{1b}[0m"))
        let stripped = coloured.replacing(/\u{1b}\[[0-9]+m/, with: "")
        #expect(stripped == text([["1", "a", "open"], ["2", "bcdef", "odd"]]))
    }

    @Test("the first rows are held back, then rows stream; a longer cell widens from there on")
    func streaming() {
        var table = Table(Self.columns, style: Samples.plain)
        var early = ""
        for row in 0..<511 { early += table.add(["\(row)", "name", "open"]) }
        #expect(early.isEmpty)
        let burst = table.add(["511", "name", "open"])
        #expect(burst.split(separator: "\n").count == 513)
        #expect(table.add(["512", "longer name", "open"]) == "512  longer name  open\n")
        #expect(table.add(["513", "name", "open"]) == "513  name         open\n")
        #expect(table.finish().isEmpty)
    }

    @Test(
        "colour is for terminals, and never with NO_COLOR",
        arguments: [
            (true, ["TERM": "xterm"], true),
            (false, ["TERM": "xterm"], false),
            (true, ["TERM": "xterm", "NO_COLOR": "1"], false),
            // An empty NO_COLOR counts as none (https://no-color.org).
            (true, ["TERM": "xterm", "NO_COLOR": ""], true),
            (true, ["TERM": "dumb"], false),
            (true, [:], false),
        ])
    func colour(isTerminal: Bool, environment: [String: String], hasColour: Bool) {
        #expect(Terminal(isTerminal: isTerminal) { environment[$0] }.hasColour == hasColour)
    }
}
