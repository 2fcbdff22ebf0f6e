import Glibc
import ScanFiles
import ScanService
import TestSupport
import Testing

@Suite("TOML: no bytes end a process, what is valid is read, and a slip is told by line and column")
struct TOMLTests {
    /// How reading a text went: nil when it is in order.
    private func fault(_ text: String) -> FileFault? {
        do {
            _ = try TableReader(text: text, file: "c.toml")
            return nil
        } catch {
            return error
        }
    }

    private func fault(_ bytes: [UInt8]) -> FileFault? { fault(String(decoding: bytes, as: UTF8.self)) }

    @Test("Any two bytes after [, [[, in a name, in a text, as a value and behind one: a table or a sentence")
    func bytePairs() {
        for before in [
            "[", "[[", "a", "a = ", "a = 1", "a = \"", "a = '''", "a = [", "a = {", "a = \"\\", "#", "[a]", "[[a]]", "1e", "a = 0x",
        ] {
            for first in UInt8.min...UInt8.max {
                for second in stride(from: UInt8.min, to: UInt8.max, by: before == "[" ? 1 : 3) {
                    let told = fault(Array(before.utf8) + [first, second])
                    if let told, told.problem.isEmpty { Issue.record("\(before) \(first) \(second): no sentence") }
                }
            }
        }
    }

    @Test(
        "Table headers that begin with anything but a name",
        arguments: [
            "[[[scope]", "[“scope”]", "[ü]", "[.scope]", "[#", "[,", "[\n", "[", "[[", "[]", "[[]]", "[=]", "[[\n]]", "[a.]", "[a..b]",
            "[a]]",
            "[[a]", "[a] b", "[\u{a0}a]", "[\u{200b}a]", "[\"\"\"a\"\"\"]", "[a\r]", "[a", "[a.", "[\u{fffd}]", "[\u{1f600}]", "[\t]",
        ])
    func headers(text: String) throws {
        let told = try #require(fault(text))
        #expect(told.line == 1 && (told.column ?? 0) > 0 && !told.problem.isEmpty, "\(told)")
    }

    private static let valid = [
        """
        # a comment
        [control]
        socket = "/run/synscan/synscan.sock" # another
        [control.roles]
        viewer = ["a", 'b', "@c"]
        [scope]
        allow = [
            "10.0.0.0/8", # ten

            "fc00::/7",
        ]
        [limits]
        max_rate = 10_000
        x = { y = 1, z.w = "v" }
        """,
        "a.b.\"c d\" = 1\na.b.e = [[1, 2], [\"x\"]]\n[[t]]\nn = 1\n[[t]]\nn = 2\n[t.sub]\nm = 3\n",
        "s = \"\"\"\nlines \\\n   folded \\u00e9 \\U0001F600\"\"\"\nl = '''\nas it is\\ ''''\nm = 'x'\nf = [1.5, -0.25e+3, inf, -nan, 0x1f, 0o17, 0b101, +5]",
        "d = [2026-11-30, 2026-11-30T06:00:00Z, 2026-11-30 06:00:00.5+01:00, 06:00:00]\nt = true\nf = false\r\ng = 1\r\n",
    ]

    @Test("What TOML 1.0 allows is read", arguments: valid)
    func isRead(text: String) {
        #expect(fault(text) == nil)
        #expect(fault("\u{feff}" + text) == nil, "with a byte-order mark")
        #expect(
            fault(
                text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.hasSuffix("\r") ? $0.dropLast() : $0 }
                    .joined(separator: "\r\n")) == nil, "with Windows line ends")
    }

    @Test("240,000 mutations of what is valid and of noise: each ends with a table or a sentence")
    func mutations() {
        var random = SeededGenerator(seed: 17)
        let alphabet = Array("[[]]{}=.,\"'''#\\\n\r\t ab1_-+:eTZ0xu\u{feff}“é".utf8)
        var faults = 0
        for _ in 0..<240_000 {
            var text = random.below(3) == 0 ? random.bytes(random.below(12)) : Array(Self.valid[random.below(Self.valid.count)].utf8)
            let cut = random.below(text.count + 1)
            // Short ones, so that what is at fault comes soon.
            text = Array(text[cut...].prefix(8 + random.below(80)))
            for _ in 0..<(1 + random.below(5)) {
                let place = random.below(text.count + 1)
                let byte = random.below(16) == 0 ? UInt8(random.below(256)) : alphabet[random.below(alphabet.count)]
                switch random.below(4) {
                case 0 where place < text.count: text[place] = byte
                case 1 where place < text.count: text.remove(at: place)
                case 2: text.insert(contentsOf: text[place...].prefix(1 + random.below(6)), at: place)
                default: text.insert(byte, at: place)
                }
            }
            if let told = fault(text) {
                faults += 1
                if told.problem.isEmpty { Issue.record("no sentence for \(text)") }
            }
        }
        #expect(faults > 100_000 && faults < 240_000)
    }

    @Test(
        "Whole configurations with one to five bytes changed are read or refused in words; so are all their beginnings",
        arguments: [UInt64(1), 2])
    func configurations(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let whole = Array(Self.valid[0].utf8)
        for end in 0...whole.count { _ = try? Configuration(toml: String(decoding: whole[..<end], as: UTF8.self), file: "c.toml") }
        for _ in 0..<2000 {
            var text = whole
            for _ in 0..<(1 + random.below(5)) { text[random.below(text.count)] = UInt8(random.below(256)) }
            _ = try? Configuration(toml: String(decoding: text, as: UTF8.self), file: "c.toml")
        }
    }

    @Test(
        "However deep something is nested, however long it is: a table or a sentence",
        arguments: [
            ("a = ", "[", true), ("a = ", "{b=", true), ("", "[", true), ("", "a.", true), ("[", "a.", true), ("a = \"", "x", true),
            ("a = ", "1", true), ("", "[a]\n", true), ("", "[[a]]\n", false), ("a = \"", "\\\"", true), ("a = '''", "'", true),
            ("#", "x", false),
            ("a = [", "1,", true), ("", "\n", false), ("", "a = 1\n", true), ("a = 1e", "9", false), ("[[a]]\n", "[[a.a]]\n", false),
        ])
    func large(before: String, piece: String, isFault: Bool) {
        #expect((fault(before + String(repeating: piece, count: 200_000)) != nil) == isFault)
    }

    @Test("Tables a thousand headers deep in turn are refused, and those up to the bound are taken apart again")
    func depth() {
        for depth in [63, 64, 65, 1000] {
            let name = Array(repeating: "a", count: depth).joined(separator: ".")
            #expect((fault("[\(name)]\nb.c = {d = [[[]]]}") == nil) == (depth <= 64))
            #expect((fault("a = " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)) == nil) == (depth <= 64))
        }
    }

    @Test(
        "A slip is told where it is and in words",
        arguments: [
            ("[scope]\n\n  [“limits”]", 3, 4, "typographic quotation mark"),
            ("socket = /run/x", 1, 10, "texts stand in quotes: \"/run/x\""),
            ("allow = [10.0.0.0/8]", 1, 10, "10.0.0.0/8 is no number"),
            ("é = 1", 1, 1, "\"é\""),
            ("a = \"é\" x", 1, 9, "only a comment"),
            ("# é\u{2028}b = 1", 1, 4, "cannot stand in a comment"), ("# x\u{85}b = 1", 1, 4, "cannot stand in a comment"),
            ("a = \"x", 1, 5, "quotation mark is missing"),
            ("a = \"x\nb = 1", 1, 5, "quotation mark is missing"),
            ("b = 1\na = '''x\n\n", 2, 5, "three quotation marks"),
            ("a = [1,\n2\nb = 3", 3, 1, "a comma or ]"),
            ("a = [1,\n2", 1, 5, "a ] is missing"),
            ("a = {\nb = 1}", 1, 6, "a name is expected"),
            ("a = {b = 1,}", 1, 12, "a name is expected"),
            ("a = {b = 1\n}", 1, 11, "stands in one line"),
            ("a = 1\na = 2", 2, 1, "a is there already, since line 1"),
            ("[a]\n[b]\n[a]", 3, 1, "since line 1"),
            ("a = 1\n[a]", 2, 1, "since line 1"),
            ("[a.b]\nc = 1\n[a]\nb.d = 2", 4, 1, "b is there already"),
            ("a = {}\na.b = 1", 2, 1, "a is there already"),
            ("a = {}\n[a.b]", 2, 1, "a is there already"),
            ("a = []\n[[a]]", 2, 1, "a is there already"),
            ("[[a]]\n[a]", 2, 1, "a is there already"),
            ("a = 9223372036854775808", 1, 5, "64 bits"),
            ("a = 007", 1, 5, "007 is no number"),
            ("a = 1__0", 1, 5, "is no number"),
            ("a = \"\\d\"", 1, 6, "single quotes"),
            ("a = \"\\ud800\"", 1, 6, "\\u takes four"),
            ("a = 1\rb = 2", 1, 6, "carriage return"),
            ("# x\r[scope]", 1, 4, "carriage return"),
            ("a = \"\u{7}\"", 1, 6, "U+0007"),
            ("# \u{1}", 1, 3, "U+0001"),
            ("a =\u{a0}1", 1, 4, "invisible character U+00A0"),
            ("a", 1, 2, "followed by ="),
            ("a = ", 1, 5, "the end of the file"),
            ("= 1", 1, 1, "a name is expected"),
        ])
    func slips(text: String, line: Int, column: Int, words: String) throws {
        let told = try #require(fault(text))
        #expect(told.line == line && told.column == column && told.problem.contains(words), "\(told)")
        #expect(told.description.hasPrefix("c.toml, line \(line), column \(column): "))
    }

    @Test("Values are what they say")
    func values() throws {
        let text = """
            a = "é\\u00e9\\n\\\\\\"" # "
            b = 'C:\\x'
            c = \"\"\"
            one \\
              two
            "three\"\"\"\"
            d = 0xFF
            e = -9223372036854775808
            f = 1_000
            g = ["x", 'y' , ]
            h = 1e3
            i.j = true
            """
        var table = try TableReader(text: text, file: "c.toml")
        #expect(try table.string("a") == "éé\n\\\"")
        #expect(try table.string("b") == "C:\\x")
        #expect(try table.string("c") == "one two\n\"three\"")
        #expect(try table.integer("d", in: 0...1000) == 255)
        #expect(try table.integer("e", in: .min...(.max)) == .min)
        #expect(try table.stringOrInteger("f") == "1000")
        #expect(try table.strings("g") == ["x", "y"])
        #expect(try table.stringOrNumber("h") == "1000.0")
        var inner = try table.table("i")
        #expect(try inner.boolean("j") == true)
        try inner.finish()
        try table.finish()
    }
}

@Suite("Files that decide: who could change them is looked at up to the root")
struct TrustedFileTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        for folder in ["a", "a/b", "a/b/c", "open"] { mkdir(directory.file(folder), 0o755) }
        chmod(directory.file("open"), 0o777)
        try directory.write("x", to: "a/b/c/file")
        try directory.write("x", to: "open/file")
    }

    private func problem(_ path: String) -> String? {
        do {
            _ = try TextFile.readTrusted(path)
            return nil
        } catch {
            return error.problem
        }
    }

    @Test("Any folder on the way that others can write is told by name", arguments: ["a", "a/b", "a/b/c"])
    func ancestors(folder: String) {
        #expect(problem(directory.file("a/b/c/file")) == nil)
        for mode in [mode_t(0o777), 0o775, 0o757] {
            chmod(directory.file(folder), mode)
            let told = problem(directory.file("a/b/c/file"))
            #expect(told?.contains("lies below \(directory.file(folder)), which can be written by others") == true, "\(told ?? "")")
        }
        // Where everybody keeps their own, as in /tmp.
        chmod(directory.file(folder), 0o1777)
        #expect(problem(directory.file("a/b/c/file")) == nil)
    }

    @Test("So is what a link leads to, link by link, whether the link is a file's or a folder's")
    func links() {
        symlink("../open/file", directory.file("a/link"))
        symlink(directory.file("open"), directory.file("a/folder"))
        symlink("link", directory.file("a/second"))
        symlink("b/../b/./c/file", directory.file("a/good"))
        for path in ["a/link", "a/second", "a/folder/file", "a/b/../link"] {
            #expect(problem(directory.file(path))?.contains("lies below \(directory.file("open"))") == true, "\(path)")
        }
        #expect(problem(directory.file("a/good")) == nil)
        symlink("circle", directory.file("a/circle"))
        #expect(problem(directory.file("a/circle"))?.contains("cannot be read") == true)
    }

    @Test("A folder or a link that is another user's is told", .enabled(if: geteuid() == 0, "needs root, to give something away"))
    func owners() {
        symlink("b/c/file", directory.file("a/link"))
        lchown(directory.file("a/link"), 65_534, 65_534)
        #expect(problem(directory.file("a/link"))?.contains("by the link \(directory.file("a/link")), which belongs to user 65534") == true)
        chown(directory.file("a/b"), 65_534, 65_534)
        #expect(problem(directory.file("a/b/c/file"))?.contains("lies below \(directory.file("a/b")), which belongs to user 65534") == true)
    }
}
