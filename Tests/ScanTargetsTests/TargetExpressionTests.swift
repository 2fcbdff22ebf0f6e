import ScanTargets
import Testing

@Suite("Target expressions")
struct TargetExpressionTests {
    @Test(
        "Addresses, networks and ranges are read",
        arguments: [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.77/24", "192.0.2.0/24"),
            ("192.0.2.1-192.0.2.20", "192.0.2.1-192.0.2.20"),
            ("192.0.2.1-20", "192.0.2.1-192.0.2.20"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:db8::1", "2001:db8::1"),
            ("::", "::"),
            ("2001:db8::1:80", "2001:db8::1:80"),  // without brackets 80 is a group, not a port
            ("2001:db8::/64", "2001:db8::/64"),
            ("2001:db8::1-2001:db8::20", "2001:db8::1-2001:db8::20"),
            ("[2001:db8::1]", "2001:db8::1"),
            // IPv4-mapped addresses are what they map.
            ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"), ("[::ffff:192.0.2.1]", "192.0.2.1"),
            ("::ffff:192.0.2.0/120", "192.0.2.0/24"), ("::ffff:192.0.2.1-::ffff:192.0.2.9", "192.0.2.1-192.0.2.9"),
            // Netmasks.
            ("192.0.2.77/255.255.255.0", "192.0.2.0/24"), ("10.0.0.0/255.0.0.0", "10.0.0.0/8"), ("10.0.0.1/255.255.255.255", "10.0.0.1"),
            // Spaces around the hyphen of a range.
            ("192.0.2.1 - 192.0.2.20", "192.0.2.1-192.0.2.20"), ("192.0.2.1- 20", "192.0.2.1-192.0.2.20"),
            ("2001:db8::1 -\t2001:db8::20", "2001:db8::1-2001:db8::20"),
            // Patterns that are one block.
            ("192.0.2.*", "192.0.2.0/24"), ("*.*.*.*", "0.0.0.0/0"), ("10.0-3.*.*", "10.0.0.0/14"),
            ("192.0.2.1,2,3-9", "192.0.2.1-192.0.2.9"),
            ("192.0.2.-", "192.0.2.0/24"), ("192.0.2-2.4", "192.0.2.4"),
        ])
    func readsAddresses(text: String, expected: String) throws {
        let target = try TargetExpression(parsing: text)
        #expect(target.hosts == .addresses(try range(expected)))
        #expect(target.port == nil)
        #expect(target.text == text)
    }

    @Test(
        "Link-local addresses are read with the interface of their link",
        arguments: [
            ("fe80::1%eth0", "fe80::1", nil), ("fe80::/120%br-lan.7", "fe80::/120", nil), ("fe80::1-fe80::9%wg0", "fe80::1-fe80::9", nil),
            ("[fe80::1%eth0]:80", "fe80::1", 80), ("[fe80::1%eth0]", "fe80::1", nil),
        ] as [(String, String, UInt16?)])
    func readsZones(text: String, expected: String, port: UInt16?) throws {
        let target = try TargetExpression(parsing: text)
        #expect(target.hosts == .addresses(try range(expected)))
        #expect(target.port == port && target.text == text)
        #expect(["eth0", "br-lan.7", "wg0"].contains(target.zone))
    }

    @Test(
        "Names are read, and kept in lower case",
        arguments: [
            ("localhost", "localhost"),
            ("Host.Example", "host.example"),
            ("host.example.", "host.example."),  // a final dot means a complete name
            ("my-host", "my-host"),  // a hyphen makes no range
            ("3com.example", "3com.example"),  // RFC 1123 lets labels begin with a digit
            ("1.2.3.4.in-addr.arpa", "1.2.3.4.in-addr.arpa"),
            ("_dmarc.example", "_dmarc.example"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("a", "a"),
            ("fe80", "fe80"),  // hexadecimal digits without a colon
        ])
    func readsNames(text: String, name: String) throws {
        let target = try TargetExpression(parsing: text)
        #expect(target.hosts == .name(name))
        #expect(target.port == nil)
        #expect(target.text == text)
    }

    @Test(
        "A single host may carry a port",
        arguments: [
            ("192.0.2.1:80", .addresses("192.0.2.1"), 80),
            ("192.0.2.1/32:80", .addresses("192.0.2.1"), 80),
            ("[2001:db8::1]:65535", .addresses("2001:db8::1"), 65535),
            ("host.example:443", .name("host.example"), 443),
            ("localhost:1", .name("localhost"), 1),
        ] as [(String, Wanted, UInt16)])
    func readsPorts(text: String, wanted: Wanted, port: UInt16) throws {
        let target = try TargetExpression(parsing: text)
        switch wanted {
        case .addresses(let text): #expect(target.hosts == .addresses(try range(text)))
        case .name(let name): #expect(target.hosts == .name(name))
        }
        #expect(target.port == port)
    }

    enum Wanted: Sendable {
        case addresses(String)
        case name(String)
    }

    @Test(
        "A mistyped address is an error about the address, never a host name",
        arguments: [
            ("1.2.3", 1, "four numbers, here are 3"),
            ("1.2.3.4.5", 1, "four numbers, here are more"),
            ("12345", 1, "four numbers, here is one"),
            ("300.1.1.1", 1, "300 is larger than 255"),
            ("10.0.0.256", 8, "256 is larger than 255"),
            ("10.0..1", 6, "a number is missing"),
            ("010.0.0.1", 1, "010 begins with a zero"),
            ("10.0.0.0/33", 10, "33 is larger than the 32 bits of an IPv4 address"),
            ("10.0.0.0/", 10, "the prefix length is missing"),
            ("10.0.0.0/08", 10, "\"08\" is not a prefix length"),
            ("10.0.0.0/255.0.255.0", 10, "255.0.255.0 is no netmask"),
            ("10.0.0.0/0.0.0.255", 10, "0.0.0.255 is a wildcard mask"),
            ("10.0.0.1/0.0.0.0", 10, "all addresses to some programs and one to others"),
            ("10.0.0.0/255.255.255.256", 22, "256 is larger than 255"),
            ("2001:db8::/255.255.0.0", 12, "is not a prefix length"),
            ("10.0.0.1.", 9, "a dot stands behind the address"),
            ("10.*.*.1,3", 1, "more than 65536 separate blocks"),
            ("*.*.*.1", 1, "more than 65536 separate blocks"),
            ("10.0.0.1,", 10, "a number is missing"),
            ("10.0.3-1.1", 6, "the range 3-1 goes down"),
            ("10.0.1,256.1", 8, "256 is larger than 255"),
            ("2001:db8:0:0:0:0:0:1:22", 22, "eight groups, here are more"),
            ("10.0.0/24", 1, "four numbers, here are 3"),
            ("10.0.0.9-10.0.0.1", 10, "the last address 10.0.0.1 comes before the first, 10.0.0.9"),
            ("10.0.0.9-1", 10, "the last address 10.0.0.1 comes before the first, 10.0.0.9"),
            ("10.0.0.1-256", 10, "256 is larger than 255"),
            ("10.0.0.1-", 10, "the range has no end"),
            ("-10.0.0.1", 1, "an address is missing"),
            ("-", 1, "an address is missing"),
            (".", 1, "four numbers"),
            ("10.0.0.1-2001:db8::1", 10, "from IPv4 to IPv6"),
            ("0x7f000001", 1, "four numbers, here is one"),  // inet_aton reads 127.0.0.1
            ("127.0x1", 1, "four numbers, here are 2"),
            ("host.1", 1, "four numbers, here are 2"),
            ("2001:db8::g", 11, "\"g\" is not a hexadecimal digit"),
            ("2001:db8:1", 1, "eight groups, here are 3"),
            ("1::2::3", 6, "a group of digits is missing"),
            ("12345::", 5, "more than four digits"),
            ("2001:db8::/129", 12, "129 is larger than the 128 bits of an IPv6 address"),
            ("1:2:3:4:5:6:7:8:9", 17, "eight groups, here are more"),
            ("1:2:3:4::5:6:7:8", 8, "nothing is left"),
        ])
    func explainsAddresses(text: String, position: Int, problem: String) throws {
        let error = try #require(throws: ExpressionError.self) { try TargetExpression(parsing: text) }
        #expect(error.asked == text)
        #expect(error.position == position)
        #expect(error.problem.contains(problem))
    }

    @Test(
        "Other mistakes are explained by habit",
        arguments: [
            ("", 1, "the target is empty", "write an address"),
            ("gopher://host.example/", 22, "the URL names no port", "host.example:PORT"),
            ("https://user:secret@host.example/", 20, "the URL holds a user's name", "the host alone"),
            ("https://10.0.0.0/24", 17, "a URL or a block", "10.0.0.0/24 for the block"),
            ("https://10.0.0.0/24/", 17, "a URL or a block", "10.0.0.0/24 for the block"),
            ("::ffff:192.0.2.0/24", 18, "of an IPv4-mapped address the first 24 bits are ::/24", "192.0.2.0/24, or ::ffff:192.0.2.0/120"),
            ("::ffff:c000:200/64", 17, "of an IPv4-mapped address", "write the IPv4 network"),
            ("https://2001:db8::1/", 9, "stands in brackets", "[2001:db8::1]:80"),
            ("https://a/,https://b/", 11, "a comma stands in the URL", "a word of its own"),
            ("https://10.0.0.1-9/", 19, "a port goes with", "apart from it"),
            ("10[.]0[.]0[.]1", 1, "this is defanged", "write 10.0.0.1"),
            ("hxxps://host[.]example/x", 1, "this is defanged", "write https://host.example/x"),
            ("host[dot]example", 1, "this is defanged", "write host.example"),
            ("10.0.0.1\u{2013}9", 9, "a typographic dash (en dash, U+2013)", "a plain hyphen"),
            ("10.0.0.1\u{2014}9", 9, "a typographic dash (em dash, U+2014)", "a plain hyphen"),
            ("10.0.0.1\u{2212}9", 9, "a minus (minus sign, U+2212)", "a plain hyphen"),
            ("10.0.0.1\u{2011}9", 9, "a typographic dash (non-breaking hyphen, U+2011)", "a plain hyphen"),
            ("10.0.0.1\u{ff0d}9", 9, "a typographic dash (fullwidth hyphen-minus, U+FF0D)", "a plain hyphen"),
            ("10.0.0.1\u{a0}", 9, "a space that is no plain one (no-break space, U+00A0)", "a plain space"),
            ("10.0.0.1\u{3000}", 9, "a space that is no plain one (ideographic space, U+3000)", "a plain space"),
            ("10.0.0.1\u{200b}", 9, "an invisible character (zero width space, U+200B)", "take it out"),
            ("ho\u{ad}st", 3, "an invisible character (soft hyphen, U+00AD)", "take it out"),
            ("\u{2060}10.0.0.1", 1, "an invisible character (word joiner, U+2060)", "take it out"),
            ("\u{202a}10.0.0.1", 1, "an invisible character (left-to-right embedding, U+202A)", "take it out"),
            ("10.0.0.1\u{fe0f}", 9, "an invisible character (variation selector-16, U+FE0F)", "take it out"),
            ("10.0.0.\u{ff11}", 8, "(fullwidth digit one, U+FF11)", "the digits 0 to 9"),
            ("10\u{3002}0.0.1", 3, "(ideographic full stop, U+3002)", "plain ASCII"),
            ("2001:db8::\u{430}", 11, "\"\u{430}\" does not belong", "plain ASCII letters and digits"),
            ("\u{fffd}\u{fffd}1\09\08\0", 1, "not UTF-8", "save the list as UTF-8"),
            ("1\09\08\0", 2, "UTF-16", "save the list as UTF-8"),
            ("\"10.0.0.1\"", 1, "does not belong", "without quotation marks"),
            ("10.0.0.1;10.0.0.2", 9, "does not belong", "a word of its own"),
            ("10.0.0.1,10.0.0.2", 9, "\",\" does not belong", "a word of its own"),
            ("10.0.0.*.1", 8, "\"*\" does not belong", "a network, a range or a pattern"),
            ("10.0.0.1,3/24", 9, "\",\" does not belong", "a word of its own"),
            ("2001:db8::1%eth0", 13, "a zone goes with link-local addresses only", "--interface"),
            ("192.0.2.1%eth0", 11, "a zone goes with link-local addresses only", "--interface"),
            ("fe80::1%", 9, "no interface's name", "fe80::1%eth0"),
            ("fe80::1%an-interface-of-17", 9, "no interface's name", "fe80::1%eth0"),
            ("fe80::1%a/b", 9, "no interface's name", "fe80::1%eth0"),
            ("10.0.0.1 10.0.0.2", 9, "\" \" does not belong", "write an address"),
            ("bücher.example", 2, "\"ü\" does not belong", "xn--"),
            ("a\u{1b}[2J", 2, "\"\\u{1B}\" does not belong", "write an address"),
            ("-host.example", 1, "begins with a hyphen", "letters, digits and hyphens"),
            ("host-.example", 5, "ends with a hyphen", "letters, digits and hyphens"),
            ("host..example", 6, "a part of the name is missing", "letters, digits and hyphens"),
            ("host]", 5, "\"]\" does not belong in a name", "letters, digits and hyphens"),
            ("_._", 1, "at least one letter", "letters, digits and hyphens"),
            ("host.example/24", 13, "a prefix length needs an address", "the network's address"),
            ("10.0.0.0/24:80", 12, "a port goes with a single address", "apart from it"),
            ("10.0.0.1-20:80", 12, "a port goes with a single address", "apart from it"),
            ("10.0.0.1:0", 10, "port 0 is reserved", "from 1 to 65535"),
            ("10.0.0.1:65536", 10, "the port 65536 is larger than 65535", "from 1 to 65535"),
            ("10.0.0.1:", 10, "the port is missing", "from 1 to 65535"),
            ("10.0.0.1:http", 10, "\"http\" is not a port number", "from 1 to 65535"),
            (":80", 1, "an address is missing", "192.0.2.1"),
            ("[2001:db8::1", 13, "the closing bracket is missing", "[2001:db8::1]:80"),
            ("[192.0.2.1]:80", 2, "eight groups", "eight groups"),
            ("[2001:db8::1]80", 14, "only a colon and a port may follow", "[2001:db8::1]:80"),
            ("[2001:db8::1]:", 15, "the port is missing", "from 1 to 65535"),
            ("[2001:db8::]/64", 13, "only a colon and a port may follow", "without brackets"),
        ])
    func explainsHabits(text: String, position: Int, problem: String, remedy: String) throws {
        let error = try #require(throws: ExpressionError.self) { try TargetExpression(parsing: text) }
        #expect(error.position == position)
        #expect(error.problem.contains(problem))
        #expect(error.remedy.contains(remedy))
    }

    @Test(
        "nmap's patterns are read",
        arguments: [
            ("192.0.2-3.1-9", "192.0.2.1-192.0.2.9,192.0.3.1-192.0.3.9"),
            ("192.0.2.1,3,5", "192.0.2.1,192.0.2.3,192.0.2.5"),
            ("10.0,2.1.5-", "10.0.1.5-10.0.1.255,10.2.1.5-10.2.1.255"),
            ("10.0-1.0,255.*", "10.0.0.0/24,10.0.255.0-10.1.0.255,10.1.255.0/24"),
        ])
    func readsPatterns(text: String, expected: String) throws {
        let target = try TargetExpression(parsing: text)
        #expect(AddressSet(target.ranges) == (try addresses(expected)))
        #expect(target.hosts == .blocks(Array(AddressSet(target.ranges).ranges)))
        #expect(target.port == nil && target.text == text)
    }

    @Test("A pattern may have as many blocks as it says, and no more")
    func limitsPatterns() throws {
        #expect(try TargetExpression(parsing: "10.*.*.1").ranges.count == 65_536)
        #expect(AddressSet(try TargetExpression(parsing: "10.0-3.*.1,5").ranges).count == 4 * 256 * 2)
    }

    @Test(
        "A URL is the port of its host, and nothing else of it is kept",
        arguments: [
            ("https://host.example:8443/", "host.example:8443"), ("https://host.example", "host.example:443"),
            ("HTTP://192.0.2.1/a?b=c;d", "192.0.2.1:80"), ("https://[2001:db8::1]:8443/x/24/y", "[2001:db8::1]:8443"),
            ("https://[2001:db8::1]/", "[2001:db8::1]:443"), ("ssh://host.example#top", "host.example:22"),
            ("gopher://host.example:70/", "host.example:70"),
        ])
    func readsURLs(text: String, expected: String) throws {
        let target = try TargetExpression(parsing: text)
        #expect(target == (try TargetExpression(parsing: expected)))
        #expect(target.text == expected)
    }

    @Test(
        "Several targets stand between commas",
        arguments: [
            ("10.0.0.1,10.0.0.2", ["10.0.0.1", "10.0.0.2"]), ("10.0.0.1, host.example", ["10.0.0.1", "host.example"]),
            ("10.0.0.1,5", ["10.0.0.1,5"]), ("10.0.0.1,5,10.0.1.1-3,9", ["10.0.0.1,5", "10.0.1.1-3,9"]),
            ("10.0.0.1:22,80", ["10.0.0.1:22", "10.0.0.1:80"]), ("[::1]:22,80,[::2]:443", ["[::1]:22", "[::1]:80", "[::2]:443"]),
            ("host.example:22,80", ["host.example:22", "host.example:80"]),
            ("10.0.0.0/24,2001:db8::/64", ["10.0.0.0/24", "2001:db8::/64"]),
            ("https://a:1/x", ["a:1"]),
        ])
    func readsSeveral(text: String, expected: [String]) throws {
        var texts: [String] = []
        try TargetExpression.each(in: text) { texts.append($0.text) }
        #expect(texts == expected)
    }

    @Test("A comma without a target is named", arguments: [("10.0.0.1,,10.0.0.2", 10), (",10.0.0.1", 1), ("host.example,", 14)])
    func explainsCommas(text: String, position: Int) throws {
        let error = try #require(throws: ExpressionError.self) { try TargetExpression.each(in: text) { _ in } }
        #expect(error.position == position && error.problem.contains("missing"))
    }

    @Test("The longest names and labels of DNS are read, longer ones refused")
    func limitsNames() throws {
        let label = String(repeating: "a", count: 63)
        let longest = [label, label, label, String(repeating: "b", count: 61)].joined(separator: ".")
        #expect(try TargetExpression(parsing: longest).hosts == .name(longest))
        #expect(try TargetExpression(parsing: longest + ".:65535").hosts == .name(longest + "."))
        #expect(throws: ExpressionError.self) { try TargetExpression(parsing: longest + "b") }
        #expect(throws: ExpressionError.self) { try TargetExpression(parsing: label + "a") }
    }

    @Test("A text of a million bytes is refused with a short error")
    func limitsText() throws {
        let error = try #require(throws: ExpressionError.self) { try TargetExpression(parsing: String(repeating: "a.", count: 500_000)) }
        #expect(error.problem.contains("1000000 bytes"))
        #expect(error.description.count < 250)
    }
}
