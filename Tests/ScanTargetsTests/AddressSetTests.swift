import ScanTargets
import Testing

@Suite("Address sets")
struct AddressSetTests {
    @Test(
        "Ranges in any order become sorted ranges that neither overlap nor touch",
        arguments: [
            ("", ""),
            ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.5,10.0.0.1", "10.0.0.1,10.0.0.5"),
            ("10.0.0.1,10.0.0.2", "10.0.0.1-10.0.0.2"),  // touching
            ("10.0.0.0/25,10.0.0.128/25", "10.0.0.0/24"),
            ("10.0.0.0/24,10.0.0.77", "10.0.0.0/24"),  // one inside the other
            ("10.0.0.9-10.0.0.20,10.0.0.1-10.0.0.12", "10.0.0.1-10.0.0.20"),
            ("255.255.255.255,::", "255.255.255.255,::"),  // the families' ends do not touch
            ("::1,10.0.0.1,::2", "10.0.0.1,::1-::2"),
        ])
    func normalises(text: String, expected: String) throws {
        #expect(try addresses(text).ranges.map(\.description).joined(separator: ",") == expected)
    }

    @Test("Sets with the same addresses are equal, however they were written")
    func equals() throws {
        #expect(try addresses("10.0.0.0/24") == addresses("10.0.0.128/25,10.0.0.0-10.0.0.130"))
        #expect(try addresses("10.0.0.0/24").hashValue == addresses("10.0.0.128/25,10.0.0.0-10.0.0.130").hashValue)
        #expect(try addresses("10.0.0.0/24") != addresses("10.0.0.0/25"))
    }

    @Test(
        "Union, difference and intersection across whole families",
        arguments: [
            // left, right, union, left without right, both
            ("0.0.0.0/0", "10.0.0.0/8", "0.0.0.0/0", "0.0.0.0-9.255.255.255,11.0.0.0-255.255.255.255", "10.0.0.0/8"),
            ("0.0.0.0/0,::/0", "255.255.255.255,::", "0.0.0.0/0,::/0", "0.0.0.0-255.255.255.254,::1-\(last6)", "255.255.255.255,::"),
            ("10.0.0.0/24", "10.0.0.0/24", "10.0.0.0/24", "", "10.0.0.0/24"),
            ("10.0.0.0/24", "", "10.0.0.0/24", "10.0.0.0/24", ""),
            ("", "10.0.0.0/24", "10.0.0.0/24", "", ""),
            ("10.0.0.1,10.0.0.3,10.0.0.5", "10.0.0.2-10.0.0.4", "10.0.0.1-10.0.0.5", "10.0.0.1,10.0.0.5", "10.0.0.3"),
            ("\(last6)", "::/1", "::-7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,\(last6)", "\(last6)", ""),
        ])
    func combines(left: String, right: String, union: String, difference: String, both: String) throws {
        let (left, right) = try (addresses(left), addresses(right))
        #expect(try left.union(right) == addresses(union))
        #expect(try left.subtracting(right) == addresses(difference))
        #expect(try left.intersection(right) == addresses(both))
    }

    @Test(
        "The first part outside the allowed addresses is named",
        arguments: [
            ("10.0.0.0/24", "10.0.0.0/8", nil),
            ("10.0.0.0/24", "", "10.0.0.0/24"),
            ("10.0.0.0/24,192.0.2.0/24", "10.0.0.0/8", "192.0.2.0/24"),
            ("10.0.0.0/24", "10.0.0.0-10.0.0.99,10.0.0.110-10.0.1.0", "10.0.0.100-10.0.0.109"),
            ("10.0.0.0/24", "10.0.0.128/25", "10.0.0.0/25"),
            ("9.255.255.255-10.0.0.3", "10.0.0.0/8", "9.255.255.255"),
            ("255.255.255.255", "::/0", "255.255.255.255"),  // allowed ranges of the other family only
            ("::", "0.0.0.0/0", "::"),
            ("", "", nil),
        ] as [(String, String, String?)])
    func namesFirstOutside(asked: String, allowed: String, expected: String?) throws {
        #expect(try addresses(asked).firstRange(outside: addresses(allowed))?.description == expected)
    }

    @Test("All addresses of both families are counted up to the largest number there is")
    func counts() throws {
        #expect(AddressSet().count == 0)
        #expect(try addresses("0.0.0.0/0").count == 1 << 32)
        #expect(try addresses("::/1").count == 1 << 127)
        #expect(try addresses("0.0.0.0/0,::/0").count == .max)
    }

    @Test("Addresses whose number does not fit 64 bits have none, and nothing crashes")
    func numbersHugeSets() throws {
        let set = try addresses("10.0.0.0/24,2001:db8::/32,2001:db9::1")
        #expect(try set.address(at: 256) == address("2001:db8::"))
        #expect(try set.address(at: .max) == address("2001:db8::ffff:ffff:ffff:feff"))
        #expect(try set.offset(of: address("2001:db8::1")) == 257)
        #expect(try set.offset(of: address("2001:db8:1::")) == nil)
        #expect(try set.offset(of: address("2001:db9::1")) == nil)
        #expect(try set.contains(address("2001:db9::1")))
    }

    @Test("The empty set holds nothing")
    func isEmpty() throws {
        #expect(AddressSet().isEmpty)
        #expect(!AddressSet().contains(v4: 0))
        #expect(try !AddressSet().contains(address("::")))
        #expect(AddressSet().address(at: 0) == nil)
        #expect(try AddressSet().offset(of: address("10.0.0.1")) == nil)
    }
}

private let last6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
