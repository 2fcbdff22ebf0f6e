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
            ("10.0.0.1 10.0.0.2 10.0.0.3", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
            ("10.0.0.1 10.0.0.2", ["10.0.0.1", "10.0.0.2"]),  // as a range the same
            ("10.0.0.0/24 10.0.2.0/24", ["10.0.0.0/24", "10.0.2.0/24"]), ("10.0.0.1:22 10.0.0.2:22", ["10.0.0.1:22", "10.0.0.2:22"]),
            ("10.0.0.1 - 10.0.0.9 # r", ["10.0.0.1 - 10.0.0.9"]), ("10.0.0.1 -10.0.0.9", ["10.0.0.1 -10.0.0.9"]),
            ("10.0.0.1,10.0.0.2\n10.0.0.3, 10.0.0.4", ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]),
            ("10.0-1.0.1,5\n10.3.0.*", ["10.0-1.0.1,5", "10.3.0.*"]),
            // Lists put together from several files.
            ("\u{feff}10.0.0.1\n\u{feff}# more\n\u{feff}\u{feff}10.0.0.2", ["10.0.0.1", "10.0.0.2"]),
            // Published lists.
            ("; DROP List\n; Last-Modified: x\n10.0.0.0/28 ; SBL1\n10.0.1.0/28\t; SBL2", ["10.0.0.0/28", "10.0.1.0/28"]),
            (";10.0.0.1\n  ; 10.0.0.2\n10.0.0.3", ["10.0.0.3"]),
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
            ("10.0.0.1,10.0.0.300", 1, "10.0.0.300", 8),
            ("10.0.0.1\r10.0.0.2\r10.0.0.300", 3, "10.0.0.300", 8),
            ("10.0.0.1\n10.0.0.2;10.0.0.3", 2, "10.0.0.2;10.0.0.3", 9),
            ("10.0.0.1\n10.0.0.2 ; 10.0.0.3", 2, "10.0.0.2", 9),
            ("10.0.0.1\n10.0.0.2 ; 10.0.0.0/8 and more", 2, "10.0.0.2", 9),
            ("10.0.0.1\n10.0.0.2 ; 10.0.0.3,10.0.0.4", 2, "10.0.0.2", 9),
            ("10.0.0.1\n10.0.0.2 ; 10.0.0.3;10.0.0.4", 2, "10.0.0.2", 9),
            ("10.0.0.1\n10.0.0.2 ; http://10.0.0.3/", 2, "10.0.0.2", 9),
            ("10.0.0.1\n10.0.0.2 ; \"10.0.0.3\"", 2, "10.0.0.2", 9),
            ("10.0.0.1\n10.0.0.2 ; router 10.0.0.3", 2, "10.0.0.2", 9),
            ("10.0.0.1 10.0.0.9 router", 1, "10.0.0.1 10.0.0.9 router", 10),
            ("10.0.0.1,10.0.0.9,router", 1, "10.0.0.1,10.0.0.9,router", 10),
            ("10.0.0.1\n\0", 2, "\\0", 1),
        ])
    func explains(text: String, line: Int, asked: String, position: Int) throws {
        let error = try #require(throws: ExpressionError.self) { try TargetExpression.list(text, source: "targets.txt") }
        #expect(error.location == "targets.txt, line \(line)")
        #expect(error.asked == asked)
        #expect(error.position == position)
        #expect(error.description.hasPrefix("targets.txt, line \(line): \"\(asked)\", character \(position): "))
    }

    @Test(
        "Whatever ends a line somewhere ends it here, so that no comment swallows an entry",
        arguments: [
            "\n", "\r", "\r\n", "\u{b}", "\u{c}", "\u{1c}", "\u{1d}", "\u{1e}", "\u{85}", "\u{2028}", "\u{2029}", "\r\r\n", "\n\r",
            "\r\u{c}",
        ])
    func endsLines(end: String) throws {
        let text = "# never scan these\(end)10.0.0.1 # plc\(end)10.0.0.2 ; plc\(end)\(end)10.0.0.3\(end)"
        #expect(try TargetExpression.list(text, source: "exclude.txt").map(\.text) == ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
    }

    @Test(
        "A line with two columns is an error that names it, and what its second column may be",
        arguments: [
            ("10.0.0.1 10.0.0.9", "10.0.0.1-10.0.0.9 for a range"),
            ("10.0.0.0\t255.255.255.0", "10.0.0.0/255.255.255.0 for an address with its mask"),
            ("10.0.0.1 printer", "one target to a line"), ("10.0.0.1 printer.example printer", "one target to a line"),
            ("10.0.0.0/24 office", "one target to a line"), ("10.0.0.1   22", "10.0.0.1:22 for a port"),
            ("::1 22/tcp", "[::1]:22 for a port"),
            ("host.example 443", "host.example:443 for a port"), ("printer 10.0.0.1", "one target to a line"),
            ("printer cellar", "one target to a line"), ("10.0.0.1,printer", "one target to a line"),
            ("10.0.0.1, printer, cellar", "one target"),
            ("2001:db8::1 2001:db8::9", "2001:db8::1-2001:db8::9 for a range"), ("10.0.0.0 255.255.255.0 gateway", "with its mask"),
        ])
    func refusesColumns(line: String, remedy: String) throws {
        let error = try #require(throws: ExpressionError.self) {
            try TargetExpression.list("# list\n10.1.1.1\n\(line) # x\n", source: "list.txt")
        }
        #expect(error.location == "list.txt, line 3")
        #expect(error.problem.contains("two columns") && error.remedy.contains(remedy), "\(error)")
    }

    @Test(
        "An IPv6 address that may be meant as address and port is refused beside targets that have one",
        arguments: ["192.0.2.1:22", "host.example:443", "[2001:db8::2]:80", "https://192.0.2.1/"])
    func doubtsPorts(beside: String) throws {
        for text in ["2001:db8::1:22\n\(beside)\n", "\(beside) # first\n2001:db8::1:22"] {
            let error = try #require(throws: ExpressionError.self) { try TargetExpression.list(text, source: "list.txt") }
            #expect(error.location?.hasPrefix("list.txt, line ") == true && error.asked == "2001:db8::1:22")
            #expect(error.problem.contains("port 22 of 2001:db8::1") && error.remedy.contains("[2001:db8::1]:22"))
            #expect(error.remedy.contains("[2001:db8::1:22]"))
        }
        for sure in ["2001:db8::1", "[2001:db8::1:22]", "2001:db8::1:22/128", "2001:db8::1:0022", "2001:db8::1:ff", "1:2:3:4:5:6:7:8"] {
            #expect(try TargetExpression.list("\(sure)\n\(beside)", source: "list.txt").count == 2)
        }
        #expect(try TargetExpression.list("2001:db8::1:22\n192.0.2.1", source: "list.txt").count == 2)
    }

    @Test("UTF-16 is named, with and without a byte order mark, also where it begins with a comment")
    func namesUTF16() throws {
        for mark in [[0xff, 0xfe], []] as [[UInt8]] {
            for text in ["10.0.0.1\r\n10.0.0.2\r\n", "# list\r\n10.0.0.1\r\n"] {
                let bytes = mark + text.utf16.flatMap { [UInt8($0 & 0xff), UInt8($0 >> 8)] }
                let bigEndian = mark.reversed() + text.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
                for bytes in [bytes, bigEndian] {
                    let error = try #require(throws: ExpressionError.self) {
                        try TargetExpression.list(String(decoding: bytes, as: UTF8.self), source: "list.txt")
                    }
                    #expect(error.problem.contains("UTF-16") && error.remedy.contains("UTF-8"), "\(error)")
                }
            }
        }
    }

    @Test("The name of a source cannot write to the terminal")
    func escapesSource() throws {
        let error = try #require(throws: ExpressionError.self) { try TargetExpression.list("1.2", source: "a\u{1b}[2J\n.txt") }
        #expect(error.location == "a\\u{1B}[2J\\n.txt, line 1")
    }

    @Test("A list of 200,000 targets is read")
    func large() throws {
        let text = (0..<200_000).map { "10.\($0 >> 16).\($0 >> 8 & 0xff).\($0 & 0xff)" }.joined(separator: "\n")
        #expect(try TargetExpression.list(text, source: "targets.txt").count == 200_000)
    }
}
