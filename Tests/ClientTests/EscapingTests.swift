import ScanClient
import TestSupport
import Testing

@Suite("What comes from the network cannot steer a terminal")
struct EscapingTests {
    @Test(
        "control and direction characters are shown as escapes, everything else as it is",
        arguments: [
            ("ssh", "ssh"),
            // Letters beyond ASCII are no danger.
            ("grün 日本 é", "grün 日本 é"),
            // A backslash is plain text.
            (#"a\b"#, #"a\b"#),
            // Colour, and clearing the screen.
            ("\u{1b}[31mred\u{1b}[2J", #"\x1b[31mred\x1b[2J"#),
            // Line breaks would forge lines of output.
            ("a\nb\r\tc", #"a\nb\r\tc"#),
            // Zero, delete and the one-byte control sequence introducer (C1).
            ("\0\u{7f}\u{9b}31m", #"\x00\x7f\x9b31m"#),
            // Right-to-left override and zero-width space.
            ("exe\u{202e}gpj\u{200b}", #"exe\u{202e}gpj\u{200b}"#),
            // Unicode's line separators.
            ("a\u{2028}b", #"a\u{2028}b"#),
            ("", ""),
        ])
    func terminal(text: String, shown: String) {
        #expect(Escaping.forTerminal(text) == shown)
    }

    @Test(
        "a line of JSON keeps its meaning",
        arguments: [
            (#"{"a":"b"}"#, #"{"a":"b"}"#),
            // Escapes that are there already stay.
            (#"{"a":"\u001b"}"#, #"{"a":"\u001b"}"#),
            ("{\"a\":\"\u{7f}\u{85}\u{202e}\"}", #"{"a":"\u007f\u0085\u202e"}"#),
            // Beyond the basic plane an escape is a surrogate pair: a language tag character.
            ("{\"a\":\"\u{e0041}\"}", #"{"a":"\udb40\udc41"}"#),
            (#"{"a":"日本"}"#, #"{"a":"日本"}"#),
        ])
    func json(line: String, printed: String) {
        #expect(String(decoding: Escaping.json(Array(line.utf8)), as: UTF8.self) == printed)
    }

    @Test("bytes that are not UTF-8 are replaced, not passed on")
    func invalidUTF8() {
        #expect(String(decoding: Escaping.json([0x22, 0x9b, 0x22]), as: UTF8.self) == "\"\u{fffd}\"")
    }

    @Test("whatever bytes come, no control character is left")
    func anything() {
        var random = SeededGenerator(seed: 2)
        for _ in 0..<20_000 {
            let bytes = (0..<random.below(24)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let shown = Escaping.forTerminal(String(decoding: bytes, as: UTF8.self)) + String(decoding: Escaping.json(bytes), as: UTF8.self)
            #expect(shown.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value) })
        }
    }
}
