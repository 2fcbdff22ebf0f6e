import ScanTargets
import Testing

@Suite("Address ranges")
struct AddressRangeTests {
    @Test(
        "A range is written in its shortest form, and read back from it",
        arguments: [
            ("192.0.2.1", "192.0.2.1", "192.0.2.1", 1),
            ("192.0.2.0/24", "192.0.2.0/24", "192.0.2.255", 256),
            ("192.0.2.77/24", "192.0.2.0/24", "192.0.2.255", 256),  // host bits are cut off
            ("192.0.2.1/32", "192.0.2.1", "192.0.2.1", 1),
            ("192.0.2.0-192.0.2.255", "192.0.2.0/24", "192.0.2.255", 256),  // a range that is a network
            ("192.0.2.1-192.0.2.4", "192.0.2.1-192.0.2.4", "192.0.2.4", 4),  // four addresses, but no network
            ("192.0.2.1-20", "192.0.2.1-192.0.2.20", "192.0.2.20", 20),
            ("192.0.2.7-7", "192.0.2.7", "192.0.2.7", 1),
            ("0.0.0.0/0", "0.0.0.0/0", "255.255.255.255", 1 << 32),
            ("255.255.255.255", "255.255.255.255", "255.255.255.255", 1),
            ("2001:db8::/64", "2001:db8::/64", "2001:db8::ffff:ffff:ffff:ffff", 1 << 64),
            ("2001:db8::1-2001:db8::20", "2001:db8::1-2001:db8::20", "2001:db8::20", 32),
            ("::/0", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", .max),  // one more than fits
            ("::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", nil, .max),
        ] as [(String, String, String?, UInt128)])
    func reads(text: String, canonical: String, last: String?, count: UInt128) throws {
        let range = try range(text)
        #expect(range.description == canonical)
        #expect(AddressRange(canonical) == range)
        #expect(range.count == count)
        if let last { #expect(try range.last == address(last)) }
    }

    @Test(
        "What is no range is refused",
        arguments: [
            "", "-", "/", "192.0.2.1-", "-192.0.2.1", "192.0.2.1/", "/24", "192.0.2.0/33", "2001:db8::/129", "192.0.2.0/-1", "192.0.2.0/+8",
            "192.0.2.0/08", "192.0.2.0/255.255.255.0", "192.0.2.9-192.0.2.1", "192.0.2.9-1", "192.0.2.1-256", "192.0.2.1-2001:db8::1",
            "2001:db8::1-20.1", "192.0.2.1-2-3", "192.0.2.0/24/8", "192.0.2.0/24-192.0.2.9", "192.0.2.1 - 192.0.2.9", "host.example",
        ])
    func refuses(text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test("Ends in the wrong order or of two families make no range")
    func refusesEnds() throws {
        #expect(AddressRange(first: try address("10.0.0.2"), last: try address("10.0.0.1")) == nil)
        #expect(AddressRange(first: try address("10.0.0.2"), last: try address("2001:db8::1")) == nil)
    }

    @Test(
        "A prefix length outside the family's width makes no network",
        arguments: [("10.0.0.1", -1), ("10.0.0.1", 33), ("::1", 129), ("::1", .min)])
    func refusesPrefixLength(text: String, length: Int) throws {
        #expect(AddressRange(network: try address(text), prefixLength: length) == nil)
    }

    @Test("Every prefix length of both families gives a network of that length", arguments: 0...128)
    func cutsHostBits(length: Int) throws {
        let v6 = try #require(AddressRange(network: IPAddress(v6: 0x2001_0db8_ffff_ffff_ffff_ffff_ffff_ffff), prefixLength: length))
        #expect(v6.prefixLength == length)
        #expect(v6.description == (length == 128 ? "\(v6.first)" : "\(v6.first)/\(length)"))
        let v4 = AddressRange(network: IPAddress(v4: 0xc000_02ff), prefixLength: length)
        #expect(v4?.prefixLength == (length <= 32 ? length : nil))
        if let v4 { #expect(v4.count == 1 << UInt128(32 - length)) }
    }

    @Test("A range holds its ends and what lies between, of its own family only")
    func contains() throws {
        let range = try range("10.0.0.5-10.0.0.9")
        let inside = try ["10.0.0.5", "10.0.0.7", "10.0.0.9"].map(address)
        let outside = try ["10.0.0.4", "10.0.0.10", "::a00:7", "::ffff:10.0.0.7"].map(address)
        #expect(inside.allSatisfy(range.contains))
        #expect(!outside.contains(where: range.contains))
    }
}
