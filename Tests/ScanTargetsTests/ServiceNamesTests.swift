import ScanTargets
import Testing

@Suite("Service names")
struct ServiceNamesTests {
    private let services = ServiceNames(
        servicesText: """
            # Network services, Internet style
            ssh\t\t22/tcp\t\t\t\t# SSH Remote Login Protocol
            domain          53/tcp
            domain          53/udp
            http            80/tcp          www WorldWideWeb
            www-other       80/tcp          # a second name of a port
            snmp            161/udp
            https           443/TCP\r
            https           8443/tcp        # a second port of a name
            3gpp-cbsp       48049/tcp
            no-port
            bad             http/tcp
            zero            0/tcp
            large           65536/tcp
            \u{1b}[2Jevil   99/tcp          ok
            last            65535/tcp
            """)

    @Test(
        "A name or alias gives its TCP port, in upper or lower case",
        arguments: [
            ("ssh", 22), ("SSH", 22), ("domain", 53), ("http", 80), ("www", 80), ("worldwideweb", 80), ("www-other", 80),
            ("3gpp-cbsp", 48049),
            ("https", 443),  // the first line of a name wins
            ("last", 65535), ("ok", 99),
        ] as [(String, UInt16)])
    func findsPort(name: String, port: UInt16) {
        #expect(services.port(named: name) == port)
    }

    @Test(
        "UDP services, nonsense and comments give no port",
        arguments: ["snmp", "no-port", "bad", "zero", "large", "#", "SSH Remote", "", "\u{1b}[2jevil"])
    func findsNoPort(name: String) {
        #expect(services.port(named: name) == nil)
    }

    @Test("A port gives the first name on its first line")
    func findsName() {
        #expect(services.name(of: 22) == "ssh")
        #expect(services.name(of: 80) == "http")
        #expect(services.name(of: 443) == "https")
        #expect(services.name(of: 161) == nil)
    }

    @Test("Names with control characters never come back")
    func dropsControlCharacters() {
        #expect(services.name(of: 99) == "ok")
    }

    @Test("Without a file there are no names")
    func isEmpty() {
        #expect(ServiceNames().port(named: "ssh") == nil)
        #expect(ServiceNames(servicesText: "").name(of: 22) == nil)
    }
}
