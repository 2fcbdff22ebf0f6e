import ScanTargets
import TestSupport
import Testing

@Suite("Exclusions")
struct TargetExclusionTests {
    @Test("Addresses are left out at every port, ports on every host, also of endpoints")
    func excludesWholes() throws {
        var selection = TargetSelection(
            hosts: try addresses("10.0.0.0/24"), ports: try portSet("22,25,80"),
            endpoints: try endpoints("10.0.1.1:443,10.0.1.2:25,10.0.1.3:443"))
        try selection.exclude([
            .init(label: "addresses", addresses: try addresses("10.0.0.128/25,10.0.1.3")),
            .init(label: "ports", ports: try portSet("25")),
        ])
        #expect(try selection.hosts == addresses("10.0.0.0/25"))
        #expect(try selection.ports == portSet("22,80"))
        #expect(try Array(selection.endpoints) == endpoints("10.0.1.1:443"))
    }

    @Test("A single target is left out and its host's other ports stay")
    func excludesTarget() throws {
        var selection = TargetSelection(hosts: try addresses("10.0.0.1-3"), ports: try portSet("22,80,443"), endpoints: [])
        try selection.exclude([.init(label: "one", endpoints: try endpoints("10.0.0.2:80,10.0.0.2:9999,10.9.9.9:80"))])
        #expect(try selection.hosts == addresses("10.0.0.1,10.0.0.3"))
        #expect(try Array(selection.endpoints) == endpoints("10.0.0.2:22,10.0.0.2:443"))
        #expect(selection.targetCount == 8)
        #expect(try endpoints("10.0.0.1:22,10.0.0.2:22").allSatisfy(selection.contains))
        #expect(try !endpoints("10.0.0.2:80,10.0.0.2:9999,10.9.9.9:80").contains(where: selection.contains))
    }

    @Test("A port of the only host leaves the ports, not the product")
    func excludesTargetOfOnlyHost() throws {
        var selection = TargetSelection(hosts: try addresses("127.0.0.1"), ports: .all, endpoints: [])
        try selection.exclude([.init(label: "ssh", endpoints: try endpoints("127.0.0.1:22"))])
        #expect(selection.endpoints.isEmpty)
        #expect(try selection.ports == portSet("1-21,23-65535"))
        #expect(selection.targetCount == 65_534)
    }

    @Test("When nothing is left, the exclusion that did it is named and the selection stays as it was", arguments: 0..<3)
    func namesCulprit(position: Int) throws {
        var selection = TargetSelection(
            hosts: try addresses("10.0.0.0/24"), ports: try portSet("80"), endpoints: try endpoints("10.0.1.1:443"))
        let before = selection
        var exclusions: [TargetSelection.Exclusion] = try [
            .init(label: "half", addresses: addresses("10.0.0.0/25,10.0.1.1")), .init(label: "port 25", ports: portSet("25")),
        ]
        exclusions.insert(.init(label: "rest.txt, line 3", addresses: try addresses("10.0.0.128/25")), at: position)
        let error = try #require(throws: ExpressionError.self) { try selection.exclude(exclusions) }
        #expect(error.asked == (position == 0 ? "half" : "rest.txt, line 3"))
        #expect(error.problem.contains("no target"))
        #expect(selection == before)
    }

    @Test("An empty selection and an empty list of exclusions are no error")
    func acceptsNothing() throws {
        var none = TargetSelection(hosts: AddressSet(), ports: PortSet(), endpoints: [])
        try none.exclude([.init(label: "all", addresses: try addresses("0.0.0.0/0"))])
        #expect(none.isEmpty)
        try none.exclude([])
    }

    @Test("Hosts that lose single ports of many take memory for their addresses, not for the ports that they keep")
    func keepsCompact() throws {
        // Each loses another port, or all of them the same: as targets of their own these were 4 million and 4 billion.
        for (hosts, lost) in [(64, { 1 + $0 }), (65_000, { _ in 9100 })] as [(UInt32, (UInt16) -> UInt16)] {
            var selection = TargetSelection(hosts: try addresses("10.0.0.0/16"), ports: .all, endpoints: [])
            let singles = (0..<hosts).map { Endpoint(address: IPAddress(v4: 0x0a00_0000 + $0), port: lost(UInt16($0))) }
            try selection.exclude([.init(label: "printers.txt", endpoints: singles)])
            #expect(selection.targetCount == 65_536 * 65_535 - UInt128(hosts))
            #expect(selection.endpoints.groupsByPorts.reduce(0) { $0 + $1.ports.ranges.count } <= 2 * 64)
            #expect(!singles.contains(where: selection.contains) && selection.contains(Endpoint(address: singles[0].address, port: 50_000)))
            #expect(selection.encoded.utf8.count < 4096)
            #expect(TargetSelection(encoded: selection.encoded) == selection)
        }
    }

    @Test("Exclusions that would leave many thousands of ranges of ports are refused")
    func limitsExpansion() throws {
        let odd = PortSet(stride(from: UInt16(1), to: 65_535, by: 2).map { $0...$0 })
        var selection = TargetSelection(hosts: try addresses("10.0.0.0/16"), ports: odd, endpoints: [])
        let before = selection
        let singles = (0..<9).map { Endpoint(address: IPAddress(v4: 0x0a00_0000 + $0), port: UInt16(2 * $0 + 1)) }
        let error = try #require(throws: ExpressionError.self) { try selection.exclude([.init(label: "printers.txt", endpoints: singles)]) }
        #expect(error.asked == "printers.txt")
        #expect(error.problem.contains("262144"))
        #expect(selection == before)
        try selection.exclude([.init(label: "printers.txt", endpoints: Array(singles.prefix(8)))])
        #expect(selection.targetCount == 65_536 * 32_767 - 8)
    }

    @Test("Random selections lose exactly the excluded targets, and are stored without loss", arguments: 0..<400 as Range<UInt64>)
    func behavesLikeASet(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let singles = randomEndpoints(&random, count: 6)
        var selection = TargetSelection(hosts: randomHosts(&random), ports: randomPorts(&random), endpoints: singles)
        let before = selection
        let exclusions = (0..<random.below(4)).map { randomExclusion(&random, label: "exclusion \($0)") }
        var model = targets(of: selection)
        var culprit: String?
        for exclusion in exclusions where !model.isEmpty {
            model = model.filter { !excludes(exclusion, $0) }
            if model.isEmpty { culprit = exclusion.label }
        }
        do {
            try selection.exclude(exclusions)
            #expect(culprit == nil)
            #expect(targets(of: selection) == model)
            #expect(selection.targetCount == UInt128(model.count), "a target is in the product and among the endpoints")
            #expect(Array(selection.endpoints) == Array(selection.endpoints).sorted())
            #expect(selection.addresses == AddressSet(model.map { AddressRange($0.address) }))
            #expect(model.allSatisfy(selection.contains))
        } catch {
            #expect(error.asked == culprit)
            #expect(selection == before)
        }
        #expect(TargetSelection(encoded: selection.encoded) == selection)
    }

    private func excludes(_ exclusion: TargetSelection.Exclusion, _ target: Endpoint) -> Bool {
        exclusion.addresses.contains(target.address) || exclusion.ports.contains(target.port) || exclusion.endpoints.contains(target)
    }

    private func targets(of selection: TargetSelection) -> Set<Endpoint> {
        let hosts = (0..<UInt64(selection.hosts.count)).compactMap(selection.hosts.address(at:))
        return Set(hosts.flatMap { host in selection.ports.map { Endpoint(address: host, port: $0) } } + Array(selection.endpoints))
    }

    private func randomExclusion(_ random: inout SeededGenerator, label: String) -> TargetSelection.Exclusion {
        switch random.below(3) {
        case 0: .init(label: label, addresses: randomHosts(&random))
        case 1: .init(label: label, endpoints: randomEndpoints(&random, count: 30))
        default: .init(label: label, ports: randomPorts(&random))
        }
    }

    private func randomHosts(_ random: inout SeededGenerator) -> AddressSet {
        AddressSet((0..<random.below(5)).map { _ in AddressRange(randomAddress(&random)) })
    }

    private func randomPorts(_ random: inout SeededGenerator) -> PortSet {
        PortSet((0..<random.below(5)).map { _ in randomPort(&random) }.map { $0...$0 })
    }

    private func randomEndpoints(_ random: inout SeededGenerator, count: Int) -> [Endpoint] {
        (0..<random.below(count)).map { _ in Endpoint(address: randomAddress(&random), port: randomPort(&random)) }
    }

    private func randomAddress(_ random: inout SeededGenerator) -> IPAddress {
        random.below(2) == 0 ? IPAddress(v4: 0x0a00_0000 + UInt32(random.below(4))) : IPAddress(v6: UInt128(random.below(4)))
    }

    private func randomPort(_ random: inout SeededGenerator) -> UInt16 { UInt16(1 + random.below(5)) }
}
