import FoundationEssentials
import ScanTargets
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "A dotted quad is read as its number and written back the same",
        arguments: [
            ("0.0.0.0", 0), ("192.0.2.1", 0xc000_0201), ("10.0.0.255", 0x0a00_00ff), ("255.255.255.255", 0xffff_ffff),
        ] as [(String, UInt32)])
    func readsIPv4(text: String, number: UInt32) throws {
        let address = try address(text)
        #expect(address == IPAddress(v4: number))
        #expect(address.v4 == number)
        #expect(address.value == UInt128(number))
        #expect(address.description == text)
    }

    @Test(
        "What other programs might read differently is no address",
        arguments: [
            "", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.",  // number of parts
            "256.0.0.1", "1.2.3.999", "1.2.3.99999999999999999999",  // too large
            "010.0.0.1", "1.2.3.04", "00.0.0.0", "0x7f.0.0.1", "2130706433",  // octal, hexadecimal, one number
            " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "1.2.3.+4", "1.2.3.-4", "1.2.3.٤", "1.2.3.4\0",  // other characters
            ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "::1::", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",  // groups
            "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8",  // "::" with nothing to stand for
            "12345::", "g::", "::1%eth0", "[::1]", "::1/128", "fe80::1%1",  // digits, zones, decoration
            "::1.2.3", "::1.2.3.4.5", "::256.1.1.1", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::01.2.3.4",  // dotted quads
        ])
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(
        "An IPv6 address is written in the form of RFC 5952, whatever form it came in",
        arguments: [
            ("::", "::"),
            ("::1", "::1"),
            ("1::", "1::"),
            ("2001:0DB8:0000:0000:0008:0800:200C:417A", "2001:db8::8:800:200c:417a"),  // lower case, no leading zeros
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),  // one zero group stays (§4.2.2)
            ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),  // the longest run (§4.2.3)
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),  // the first of equal runs
            ("1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"),
            ("0:0:1:2:3:4:5:6", "::1:2:3:4:5:6"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),  // "::" may stand for one group (RFC 4291 §2.2)
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),  // mapped (§5)
            ("::ffff:c000:201", "::ffff:192.0.2.1"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),  // a dotted quad is read anywhere at the end
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ])
    func writesIPv6(text: String, canonical: String) throws {
        let address = try address(text)
        #expect(address.family == .v6)
        #expect(address.v4 == nil)
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
    }

    @Test("IPv4 sorts before IPv6, and numbers sort inside a family")
    func sorts() throws {
        let sorted = try ["0.0.0.0", "9.255.255.255", "10.0.0.1", "255.255.255.255", "::", "::1", "::ffff:10.0.0.1", "fe80::1"].map(address)
        #expect(sorted.shuffled().sorted() == sorted)
    }

    @Test("A mapped IPv6 address is not the IPv4 address it maps")
    func keepsMappedApart() throws {
        #expect(try address("::ffff:10.0.0.1") != address("10.0.0.1"))
        #expect(IPAddress(v6: 1) != IPAddress(v4: 1))
    }

    @Test("Moving forward stops at the end of the family")
    func advances() throws {
        #expect(try address("10.0.0.255").advanced(by: 1) == address("10.0.1.0"))
        #expect(try address("255.255.255.254").advanced(by: 1) == address("255.255.255.255"))
        #expect(try address("255.255.255.254").advanced(by: 2) == nil)
        #expect(try address("255.255.255.255").advanced(by: .max) == nil)
        #expect(try address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").advanced(by: 1) == nil)
        #expect(try address("::").advanced(by: .max) == address("::ffff:ffff:ffff:ffff"))
    }

    @Test("JSON holds an address as one string")
    func codes() throws {
        let list = try [address("192.0.2.1"), address("2001:db8::1")]
        let json = try JSONEncoder().encode(list)
        #expect(String(decoding: json, as: UTF8.self) == #"["192.0.2.1","2001:db8::1"]"#)
        #expect(try JSONDecoder().decode([IPAddress].self, from: json) == list)
    }

    @Test("JSON that holds no address is refused", arguments: [#"["192.0.2"]"#, "[17]", "[null]"])
    func refusesJSON(json: String) {
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([IPAddress].self, from: Data(json.utf8)) }
    }
}
