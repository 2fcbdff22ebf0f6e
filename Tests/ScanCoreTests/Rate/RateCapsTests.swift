import ScanCore
import ScanTargets
import Testing

@Suite("Bounds for hosts and networks")
struct RateCapsTests {
    /// How many probes leave in so many seconds when as many are sent as may be.
    private func sent(_ density: RateCaps.Density, _ limits: RateCaps.Limits, seconds: Int) -> Int {
        var caps = RateCaps(limits, now: 0)
        caps.begin(density)
        var sum = 0
        for millisecond in 0..<seconds * 1000 {
            let count = caps.permitted(now: Int64(millisecond) * 1_000_000)
            caps.spend(count)
            sum += count
        }
        return sum
    }

    @Test("one host gets its cap, whatever else there is")
    func oneHost() {
        let alone = RateCaps.Density(targets: 65_535, greatestHost: 65_535, greatestNetwork: 65_535)
        #expect(10_000...10_110 ~= sent(alone, .init(perHost: 1000, perNetwork: 5000), seconds: 10))
        // Half of the targets are its own, so twice as many probes leave.
        let among = RateCaps.Density(targets: 131_070, greatestHost: 65_535, greatestNetwork: 65_535)
        #expect(20_000...20_220 ~= sent(among, .init(perHost: 1000, perNetwork: 5000), seconds: 10))
    }

    @Test("a pass that has nobody to ask is not held up")
    func nobody() {
        #expect(sent(.init(targets: 0, greatestHost: 0, greatestNetwork: 0), .init(perHost: 1, perNetwork: 1), seconds: 10) >= 9)
    }

    @Test("a network gets its cap after a second's worth")
    func network() {
        let density = RateCaps.Density(targets: 256 * 1000, greatestHost: 1000, greatestNetwork: 256_000)
        let limits = RateCaps.Limits(perHost: 1000, perNetwork: 5000)
        #expect(54_900...55_100 ~= sent(density, limits, seconds: 10))
        var caps = RateCaps(limits, now: 0)
        caps.begin(density)
        #expect(caps.rate == 5000)
    }

    @Test("targets are counted where they lie, never too few")
    func counted() throws {
        var counter = DensityCounter(addresses: 4096)
        let range = try #require(AddressRange("198.18.64.0/20"))
        for offset in 0..<UInt64(4096) { counter.add(try #require(range.first.advanced(by: offset))) }
        for _ in 0..<99 { counter.add(range.last) }
        #expect(counter.density.targets == 4195)
        #expect(100...110 ~= counter.density.greatestHost && 355...365 ~= counter.density.greatestNetwork)
    }

    @Test(
        "a selection's greatest host and network are found",
        arguments: [
            (["10.0.0.0/16"], [], 65_536 * 2, 2, 512), (["10.0.0.250-10.0.1.9"], [], 32, 2, 20), (["10.0.0.1", "10.0.0.9"], [], 4, 2, 4),
            (["10.0.0.1", "10.0.0.9"], ["10.0.0.9:9", "10.0.0.9:10", "10.9.9.9:1"], 7, 4, 6),
            ([], ["10.0.0.9:9", "10.0.0.8:10"], 2, 1, 2),
        ] as [([String], [String], Int, Int, Int)])
    func density(hosts: [String], endpoints: [String], targets: Int, host: Int, network: Int) throws {
        let selection = TargetSelection(
            hosts: AddressSet(try hosts.map { try #require(AddressRange($0)) }), ports: PortSet([1...2]),
            endpoints: try endpoints.map { try #require(Endpoint($0)) })
        let density = RateCaps.Density(of: selection)
        // What cannot be told without looking at each host is counted from above.
        #expect(density.targets == targets && density.greatestHost >= host && density.greatestNetwork >= network)
        #expect(density.greatestHost <= host + 2 && density.greatestNetwork <= network + 2)
    }
}
