import ScanTargets
import Testing

@Suite("Expression errors")
struct ExpressionErrorTests {
    @Test("The sentence says what was asked, where it is wrong, what is wrong and what to do")
    func describes() throws {
        let error = try #require(throws: ExpressionError.self) { try TargetExpression(parsing: "10.0.0.9-10.0.0.1") }
        #expect(
            error.description == """
                "10.0.0.9-10.0.0.1", character 10: the last address 10.0.0.1 comes before the first, 10.0.0.9; \
                write the lower address first: 10.0.0.1-10.0.0.9
                """)
    }

    @Test("An error about a text as a whole names no character")
    func describesWhole() {
        let error = ExpressionError(
            asked: "host.example", problem: "the name does not resolve", remedy: "check its spelling", location: "a.txt, line 2")
        #expect(error.description == #"a.txt, line 2: "host.example": the name does not resolve; check its spelling"#)
    }

    @Test("A long text is cut to what surrounds the fault, and the position fits what is shown")
    func shortens() throws {
        let good = (1...100).map { "\($0 * 10)" }.joined(separator: ",")
        let error = try #require(throws: ExpressionError.self) {
            try PortExpression.parse("\(good),70000,\(good)", services: ServiceNames())
        }
        #expect(error.asked.hasPrefix("…") && error.asked.hasSuffix("…"))
        #expect(error.asked.count < 130)
        #expect(error.asked.dropFirst(error.position - 1).hasPrefix("70000,10,20"))
    }

    @Test(
        "Nothing that a terminal obeys is shown as it came",
        arguments: [
            ("a\u{1b}[31m", "a\\u{1B}[31m"),  // escape sequence
            ("a\u{9b}31m", "a\\u{009B}31m"),  // its eight-bit form
            ("a\nb\r\t", "a\\nb\\r\\t"),
            ("\u{202e}gpj", "\\u{202E}gpj"),  // right-to-left override
            ("a\u{200b}b\u{a0}", "a\\u{200B}b\\u{00A0}"),  // invisible and odd spaces
            ("e\u{301}", "e\\u{0301}"),  // a combining mark
            ("größe ☃", "größe ☃"),  // letters and symbols stay
        ])
    func escapes(text: String, shown: String) {
        #expect(ExpressionError(asked: text, problem: "p", remedy: "r").asked == shown)
    }

    @Test("The position counts the characters that are shown")
    func countsShownCharacters() throws {
        let error = try #require(throws: ExpressionError.self) {
            try PortExpression.parse("!80,\u{1b}", services: ServiceNames())
        }
        #expect(error.asked == "!80,\\u{1B}")
        #expect(error.position == 5)
        let later = try #require(throws: ExpressionError.self) {
            try PortExpression.parse("80,\u{1b}ü,0", services: ServiceNames(servicesText: ""))
        }
        #expect(later.asked == "80,\\u{1B}ü,0")
        #expect(later.position == 4)
    }
}
