import ScanCore
import ScanTargets
import TestSupport
import Testing

@Suite("The look-ups of the packet path say what the plain ones say")
struct FlatLookUpTests {
    @Test("division by multiplication, for divisors and numbers of every size")
    func division() {
        var generator = SeededGenerator(seed: 1)
        let edges: [UInt64] = [
            1, 2, 3, 5, 7, 20, 1000, 65_535, 65_536, 65_537, (1 << 32) - 1, 1 << 32, (1 << 32) + 1, (1 << 63) - 1, 1 << 63,
        ]
        let random = (0..<300).map { _ in max(1, generator.next() >> UInt64.random(in: 1...63, using: &generator)) }
        for divisor in edges + random {
            let fixed = FixedDivisor(divisor)
            let near = [
                0, 1, divisor - 1, divisor, divisor &+ 1, divisor &* 3 &- 1, divisor &* 3, .max, .max / divisor * divisor, .max - 1,
            ]
            for value in near + (0..<100).map({ _ in generator.next() >> UInt64.random(in: 0...63, using: &generator) }) {
                #expect(fixed.quotient(of: value) == value / divisor, "\(value) / \(divisor)")
            }
        }
    }

    @Test("the last number not above a value, in lists that are empty, even, crowded and far apart")
    func search() {
        var generator = SeededGenerator(seed: 2)
        for size in [0, 1, 2, 3, 10, 1000, 20_000] {
            for spread in [4, 16, 31] as [UInt32] {
                let numbers = Array(Set((0..<size).map { _ in UInt32.random(in: 0...(.max >> (31 - spread)), using: &generator) })).sorted()
                let search = FlatSearch(numbers)
                let view = search.view
                let near = numbers.prefix(300).flatMap { [$0, $0 &- 1, $0 &+ 1] }
                for value in near + [0, 1, .max, .max - 1] + (0..<300).map({ _ in UInt32.random(in: 0...(.max), using: &generator) }) {
                    let expected = (numbers.firstIndex { $0 > value } ?? numbers.count) - 1
                    #expect(view.index(ofLastNotAbove: value) == expected, "\(value) among \(numbers.count)")
                }
                withExtendedLifetime(search) {}
            }
        }
    }

    @Test("numbers as large as they get")
    func largeNumbers() {
        let numbers: [UInt64] = [0, 1, 1 << 40, 1 << 63, .max]
        let search = FlatSearch(numbers)
        let view = search.view
        for (index, number) in numbers.enumerated() { #expect(view.index(ofLastNotAbove: number) == index) }
        #expect(view.index(ofLastNotAbove: .max - 1) == 3)
        withExtendedLifetime(search) {}
    }

    @Test("targets by number and back, and whose number is none")
    func targets() throws {
        var generator = SeededGenerator(seed: 3)
        for turn in 0..<60 {
            // One range has a way of its own.
            let (mostHosts, mostPorts) = (turn % 3 == 0 ? 1 : 30, turn % 2 == 0 ? 1 : 5)
            let hosts = AddressSet(
                (0..<Int.random(in: 1...mostHosts, using: &generator)).compactMap { _ in
                    let first = UInt32.random(in: 0...(.max - 70_000), using: &generator)
                    return AddressRange(
                        first: IPAddress(v4: first), last: IPAddress(v4: first + UInt32.random(in: 0...70_000, using: &generator)))
                } + [try #require(AddressRange("2001:db8::/120"))])
            let ports = PortSet(
                (0..<mostPorts).map { _ in
                    let first = UInt16.random(in: 1...60_000, using: &generator)
                    return first...first + UInt16.random(in: 0...200, using: &generator)
                })
            let space = try #require(ProbeSpace(TargetSelection(hosts: hosts, ports: ports, endpoints: [])))
            let view = space.v4
            #expect(view.count == space.count - UInt64(256 * ports.count))
            for _ in 0..<200 {
                let index = UInt64.random(in: 0..<view.count, using: &generator)
                let (address, port) = view.target(at: index)
                #expect(space.target(at: index) == Endpoint(address: IPAddress(v4: address), port: port))
                #expect(view.index(of: address, port) == index)
                let stranger = (
                    address: UInt32.random(in: 0...(.max), using: &generator), port: UInt16.random(in: 0...(.max), using: &generator)
                )
                #expect(
                    view.index(of: stranger.address, stranger.port)
                        == space.index(of: Endpoint(address: IPAddress(v4: stranger.address), port: stranger.port)))
            }
            withExtendedLifetime(space) {}
        }
    }

    @Test("the way of an address, and none where the scope forbids it or no path leads")
    func ways() throws {
        let sets = try ["10.0.0.0/8", "192.0.2.0/25 198.51.100.7", "192.0.2.128/25"].map { text in
            AddressSet(try text.split(separator: " ").map { try #require(AddressRange(String($0))) })
        }
        let denied = AddressSet(try ["10.1.0.0/16", "192.0.2.5"].map { try #require(AddressRange($0)) })
        let everything = AddressSet([try #require(AddressRange("0.0.0.0/0"))])
        let stretches = sets.enumerated().map { WayTable.Stretch($0.element, lane: $0.offset, hop: UInt64($0.offset) * 7) }
        let table = WayTable(stretches, allowed: everything.subtracting(denied))
        let view = table.view
        let expected: [(String, Int)] = [
            ("10.0.0.0", 0), ("10.0.255.255", 0), ("10.1.0.0", -1), ("10.1.255.255", -1), ("10.2.0.0", 0), ("10.255.255.255", 0),
            ("11.0.0.0", -1), ("9.255.255.255", -1), ("192.0.2.0", 1), ("192.0.2.5", -1), ("192.0.2.127", 1), ("192.0.2.128", 2),
            ("192.0.3.0", -1), ("198.51.100.7", 1), ("198.51.100.8", -1), ("0.0.0.0", -1), ("255.255.255.255", -1),
        ]
        for (text, lane) in expected {
            let address = try #require(IPAddress(text)?.v4)
            let way = view.way(for: address)
            #expect(way.lane == lane && way.hop == UInt64(max(0, lane)) * 7, "\(text)")
        }
        withExtendedLifetime(table) {}
    }

    @Test("an IPv6 address goes its own way, whatever IPv4 address its last bits are")
    func waysOfBothFamilies() throws {
        let sets = try ["10.0.0.0/8", "::a00:0/120 2001:db8::/64", "fe80::/10"].map { text in
            AddressSet(try text.split(separator: " ").map { try #require(AddressRange(String($0))) })
        }
        let everything = AddressSet(try ["0.0.0.0/0", "::/0"].map { try #require(AddressRange($0)) })
        let denied = AddressSet([try #require(AddressRange("2001:db8::100/120"))])
        let table = WayTable(
            sets.enumerated().map { WayTable.Stretch($0.element, lane: $0.offset) }, allowed: everything.subtracting(denied))
        let expected: [(String, Int)] = [
            ("10.0.0.1", 0), ("::a00:1", 1), ("::a00:100", -1), ("2001:db8::", 1), ("2001:db8::ff", 1), ("2001:db8::100", -1),
            ("2001:db8::1ff", -1), ("2001:db8::200", 1), ("2001:db8::ffff:ffff:ffff:ffff", 1), ("2001:db8:0:1::", -1), ("fe80::1", 2),
            ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2), ("fec0::", -1), ("::", -1), ("0.0.0.0", -1),
        ]
        for (text, lane) in expected {
            #expect(table.view.way(for: try #require(IPAddress(text))).lane == lane, "\(text)")
        }
    }

    @Test("each neighbour that is allowed has its own hardware address, also beside another lane's", arguments: [100_000, 1000])
    func neighbors(count: UInt32) throws {
        // Every other address is a neighbour's, and every third one is allowed.
        let neighbors = (0..<count).map { WayTable.Neighbor(IPAddress(v4: UInt32(0x0A00_0000) + 2 * $0), UInt64($0) + 1) }
        let others = AddressSet((0..<count).map { AddressRange(IPAddress(v4: UInt32(0x0A00_0001) + 2 * $0)) })
        let allowed = AddressSet((0..<count).map { AddressRange(IPAddress(v4: UInt32(0x0A00_0000) + 3 * $0)) })
        let table = WayTable([WayTable.Stretch(others, lane: 1), WayTable.Stretch(.each(neighbors), lane: 0)], allowed: allowed)
        for number in 0..<2 * count {
            let way = number % 2 == 0 ? WayTable.Way(lane: 0, hop: UInt64(number / 2) + 1) : WayTable.Way(lane: 1)
            let expected = number % 3 == 0 ? way : WayTable.Way(lane: -1)
            try #require(table.view.way(for: UInt32(0x0A00_0000) + number) == expected, "\(number)")
        }
    }
}
