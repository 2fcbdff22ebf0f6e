import ScanTargets
import Testing

@Suite("Port expressions")
struct PortExpressionTests {
    private let services = ServiceNames(servicesText: "ssh 22/tcp\nsmtp 25/tcp\nhttp 80/tcp www\nhttp-alt 8080/tcp\n9pfs 564/tcp\n")

    @Test(
        "Ports come as numbers, ranges, names and classes",
        arguments: [
            ("80", "80"),
            ("80,443", "80,443"),
            ("443,80,80", "80,443"),
            ("1-1024", "1-1024"),
            ("7-7", "7"),
            ("-", "1-65535"),
            ("-1024", "1-1024"),
            ("60000-", "60000-65535"),
            ("65535-", "65535"),
            ("ssh,http", "22,80"),
            ("SSH,Www", "22,80"),  // upper case and aliases
            ("http-alt", "8080"),  // a hyphen in a name is no range
            ("9pfs", "564"),  // a name may begin with a digit
            ("well-known", "1-1023"),  // without port 0
            ("registered", "1024-49151"),
            ("Dynamic", "49152-65535"),
            ("well-known,registered,dynamic", "1-65535"),
            (" 80 , 443\t", "80,443"),
            ("T:80,443", "80,443"),  // nmap
            ("80,T:443,t: 22", "22,80,443"),
            ("22/tcp,80/tcp", "22,80"),  // our own table
            ("ssh/TCP, T:443/tcp, 1-3/tcp", "1-3,22,443"),
        ])
    func reads(text: String, expected: String) throws {
        #expect(try PortExpression.parse(text, services: services).description == expected)
    }

    @Test(
        "An exclamation mark takes ports out, wherever it stands",
        arguments: [
            ("1-1024,!25", "1-24,26-1024"),
            ("!25,1-1024", "1-24,26-1024"),
            ("-,!well-known", "1024-65535"),
            ("1-100,!ssh,!smtp", "1-21,23-24,26-100"),
            ("1-100,!-50", "51-100"),
            ("1-100,!50-", "1-49"),
            ("80,!443", "80"),  // taking out what is not there
            ("T:1-10,T:!5", "1-4,6-10"),
            ("1-10, ! 5", "1-4,6-10"),
        ])
    func excludes(text: String, expected: String) throws {
        #expect(try PortExpression.parse(text, services: services).description == expected)
    }

    @Test(
        "What is wrong is said with its position and a remedy",
        arguments: [
            ("", 1, "the port is missing", "from 1 to 65535"),
            ("80,,443", 4, "the port is missing", "from 1 to 65535"),
            ("80,", 4, "the port is missing", "from 1 to 65535"),
            ("0", 1, "port 0 is reserved", "from 1 to 65535"),
            ("80,0-100", 4, "port 0 is reserved", "from 1 to 65535"),
            ("80,65536", 4, "the port 65536 is larger than 65535", "from 1 to 65535"),
            ("99999999999999999999", 1, "the port 99999999999999999999 is larger than 65535", "from 1 to 65535"),
            ("1-70000", 3, "the port 70000 is larger than 65535", "from 1 to 65535"),
            ("80,0443", 4, "the port 0443 has leading zeros", "from 1 to 65535"),
            ("100-10", 5, "the last port 10 comes before the first, 100", "lower port first: 10-100"),
            ("1-2-3", 3, "\"2-3\" is not a port number", "from 1 to 65535"),
            ("--", 2, "\"-\" is not a port number", "from 1 to 65535"),
            ("22,sssh", 4, "\"sssh\" is neither a port nor a TCP service", "number"),
            ("80;443", 1, "\"80;443\" is neither a port nor a TCP service", "commas between the numbers"),
            ("80 443", 1, "\"80 443\" is neither a port nor a TCP service", "commas between the numbers"),
            ("1\u{2013}1024", 2, "a typographic dash (en dash, U+2013)", "a plain hyphen"),
            ("\u{ff12}2", 1, "fullwidth digit two", "the digits 0 to 9"),
            ("80,53/udp", 4, "UDP scans are not possible", "leave these ports out"),
            ("80/sctp", 1, "SCTP scans are not possible", "leave these ports out"),
            ("80/x", 1, "\"80/x\" is neither", "number"),
            ("http*", 1, "\"http*\" is neither a port nor a TCP service", "number"),
            ("[80]", 1, "\"[80]\" is neither a port nor a TCP service", "number"),
            ("80,U:53", 4, "UDP scans are not possible", "leave these ports out"),
            ("S:80", 1, "SCTP scans are not possible", "leave these ports out"),
            ("X:80", 1, "\"X:80\" is neither a port nor a TCP service", "number"),
            ("!25", 1, "there are only exclusions", "-,!25"),
            ("80,!", 5, "the port is missing", "from 1 to 65535"),
            ("80,!!80", 5, "\"!80\" is neither a port nor a TCP service", "number"),
            ("20-30,!20-25,!26-,!9", 14, "this exclusion leaves no port", "take out less"),
        ])
    func explains(text: String, position: Int, problem: String, remedy: String) throws {
        let error = try #require(throws: ExpressionError.self) { try PortExpression.parse(text, services: services) }
        #expect(error.asked == text)
        #expect(error.position == position)
        #expect(error.problem.contains(problem))
        #expect(error.remedy.contains(remedy))
    }

    @Test("All ports one by one are read, and a text beyond every use is refused before it costs memory")
    func limitsLength() throws {
        let all = (1...65_535).map(String.init).joined(separator: ",")
        #expect(try PortExpression.parse(all, services: services) == .all)
        let error = try #require(throws: ExpressionError.self) {
            try PortExpression.parse(String(repeating: "80,", count: 1 << 20), services: services)
        }
        #expect(error.problem.contains("3145728 bytes"))
        #expect(error.asked.count < 100)
    }
}
