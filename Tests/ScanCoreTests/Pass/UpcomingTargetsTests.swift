import ScanCore
import ScanTargets
import TestSupport
import Testing

@Suite("The next targets of the order")
struct UpcomingTargetsTests {
    @Test(
        "are the silent ones, each with its number, what to ask and its way",
        arguments: [["10.0.0.0/28"], ["10.0.0.0/28", "10.0.0.200/30"]])
    func look(texts: [String]) throws {
        var generator = SeededGenerator(seed: 80)
        let hosts = AddressSet(try (texts + ["2001:db8::/126"]).map { try #require(AddressRange($0)) })
        let space = try #require(ProbeSpace(TargetSelection(hosts: hosts, ports: PortSet([20...99, 8000...8010]), endpoints: [])))
        let permutation = Permutation(count: space.count, key: generator.key())
        let table = ProbeTable(positions: 0..<space.count)
        for position in 0..<space.count where generator.next() % 3 == 0 { _ = table.settle(position, as: .closed) }
        let ways = WayTable(
            texts.enumerated().map { .init(hosts.intersection(AddressSet([AddressRange($1)].compactMap(\.self))), lane: $0) },
            allowed: hosts)
        let upcoming = UpcomingTargets()
        var position: UInt64 = 0
        var seen = 0
        while true {
            let found = upcoming.look(
                Int(generator.next() % 100) + 1, from: position, before: space.count, table, permutation, space.v4, ways.view, port: 61_000)
            guard found.count > 0 else { break }
            #expect(found.count <= UpcomingTargets.most)
            var lanes: Set<Int?> = []
            for place in 0..<found.count {
                let next = try #require(table.nextSilent(from: position, before: space.count))
                #expect(upcoming.positions[place] == next && upcoming.indexes[place] == permutation.index(at: next))
                let target = try #require(space.target(at: permutation.index(at: next)))
                if let address = target.address.v4 {
                    let aim = upcoming.aims[place]
                    #expect(aim.destination == address && aim.port == target.port && aim.sourcePort == 61_000)
                    #expect(upcoming.ways[place] == ways.view.way(for: target.address))
                    lanes.insert(upcoming.ways[place].lane)
                } else {
                    lanes.formUnion([nil, -2])
                }
                position = next + 1
            }
            #expect(found.isUniform == (lanes.count == 1))
            seen += found.count
        }
        #expect(seen == table.silentCount)
        withExtendedLifetime((space, ways)) {}
    }
}
