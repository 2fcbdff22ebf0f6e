import ScanTargets
import Testing

@Suite("Target lists")
struct TargetListTests {
    @Test(
        "A file of targets may hold comments, blank lines, Windows line ends and a byte order mark",
        arguments: [
            ("", []),
            ("\n\n  \n", []),
            ("# nothing but a comment", []),
            ("10.0.0.1", ["10.0.0.1"]),
            ("10.0.0.1\n10.0.0.2\n", ["10.0.0.1", "10.0.0.2"]),
            ("10.0.0.1\r\n\r\n10.0.0.2\r\n", ["10.0.0.1", "10.0.0.2"]),
            ("\u{feff}10.0.0.1\n", ["10.0.0.1"]),
            ("  10.0.0.1\t10.0.0.0/24  host.example:80 # three on a line", ["10.0.0.1", "10.0.0.0/24", "host.example:80"]),
            ("10.0.0.1#gateway\n#10.0.0.2\n10.0.0.3", ["10.0.0.1", "10.0.0.3"]),
            ("# größe ☃ \u{1b}\n10.0.0.1", ["10.0.0.1"]),  // anything goes in a comment
        ])
    func reads(text: String, expected: [String]) throws {
        #expect(try TargetExpression.list(text, source: "targets.txt").map(\.text) == expected)
    }

    @Test(
        "An error names file, line, target and place",
        arguments: [
            ("10.0.0.1\n\n# comment\n10.0.0.1 10.0.0.300 # two\n", 4, "10.0.0.300", 8),
            ("\u{feff}10.0.0.x.1", 1, "10.0.0.x.1", 1),
            ("10.0.0.1\r\n10.0.0.0/33\r\n", 2, "10.0.0.0/33", 10),
            ("10.0.0.1,10.0.0.2", 1, "10.0.0.1,10.0.0.2", 9),
            ("10.0.0.1\n\0", 2, "\\0", 1),
        ])
    func explains(text: String, line: Int, asked: String, position: Int) throws {
        let error = try #require(throws: ExpressionError.self) { try TargetExpression.list(text, source: "targets.txt") }
        #expect(error.location == "targets.txt, line \(line)")
        #expect(error.asked == asked)
        #expect(error.position == position)
        #expect(error.description.hasPrefix("targets.txt, line \(line): \"\(asked)\", character \(position): "))
    }

    @Test("The name of a source cannot write to the terminal")
    func escapesSource() throws {
        let error = try #require(throws: ExpressionError.self) { try TargetExpression.list("1.2", source: "a\u{1b}[2J\n.txt") }
        #expect(error.location == "a\\u{1B}[2J\\n.txt, line 1")
    }

    @Test("A list of 200,000 targets is read within 3 seconds")
    func isQuick() throws {
        let text = (0..<200_000).map { "10.\($0 >> 16).\($0 >> 8 & 0xff).\($0 & 0xff)" }.joined(separator: "\n")
        var count = 0
        let time = try ContinuousClock().measure { count = try TargetExpression.list(text, source: "targets.txt").count }
        #expect(count == 200_000)
        #expect(time < .seconds(3))
    }
}
