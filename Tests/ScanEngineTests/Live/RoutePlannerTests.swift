import Glibc
import PacketIO
import ScanCore
import ScanTargets
import Testing

/// Routes of a namespace of the test's own; only questions to the kernel, no packets.
@Suite("How targets are reached", .serialized, .timeLimit(.minutes(1)))
struct RoutePlannerTests {
    private static func addresses(_ ranges: String...) throws -> AddressSet {
        AddressSet(try ranges.map { try #require(AddressRange($0)) })
    }

    private static func message(_ body: () throws -> [ScanPath]) -> (EngineError.Kind, String)? {
        do {
            _ = try body()
            return nil
        } catch let error as EngineError {
            return (error.kind, error.message)
        } catch {
            return nil
        }
    }

    @Test("loopback is one path through the kernel, without its broadcast address")
    func loopback() async throws {
        try await PrivateNetwork.run {
            let paths = try RoutePlanner.paths(for: try Self.addresses("127.0.0.0/8"))
            let path = try #require(paths.first)
            #expect(paths.count == 1 && path.interface.name == "lo" && path.interface.isLoopback)
            #expect(!path.takesFrames && path.source == IPAddress("127.0.0.1") && path.nextHop == nil && path.hardwareAddress == nil)
            #expect(path.destinations == (try Self.addresses("127.0.0.0-127.255.255.254")))
        }
    }

    @Test("each part of a job goes the way that the kernel's routes say")
    func parts() async throws {
        try await PrivateNetwork.run {
            try PrivateNetwork.layCable()
            let paths = try RoutePlanner.paths(
                for: try Self.addresses("10.77.0.0/24", "10.78.1.0/24", "127.0.0.1"))
            #expect(paths.count == 4)
            for path in paths {
                switch path.destinations {
                case try Self.addresses("10.77.0.1"):
                    #expect(!path.takesFrames && path.interface.isLoopback && path.source == IPAddress("10.77.0.1"))
                case try Self.addresses("10.77.0.2-10.77.0.254"), try Self.addresses("10.77.0.0", "10.77.0.2-10.77.0.254"):
                    #expect(path.hop == .link && path.interface.name == "cable0" && path.nextHop == nil)
                case try Self.addresses("10.78.1.0/24"):
                    #expect(path.takesFrames && path.interface.name == "cable0" && path.source == IPAddress("10.77.0.1"))
                    #expect(path.nextHop == IPAddress("10.77.0.2") && path.hardwareAddress?.description == "02:00:5e:10:00:02")
                case try Self.addresses("127.0.0.1"):
                    #expect(!path.takesFrames && path.source == IPAddress("127.0.0.1"))
                default:
                    Issue.record("unexpected part \(path.destinations.ranges)")
                }
            }
        }
    }

    @Test("a more specific route inside a job's range is noticed, wherever it lies")
    func specificRoute() async throws {
        try await PrivateNetwork.run {
            try PrivateNetwork.layCable()
            try PrivateNetwork.ip("address add 10.79.0.1/24 dev cable1")
            try PrivateNetwork.ip("neighbour replace 10.79.0.9 lladdr 02:00:5e:10:00:09 nud permanent dev cable1")
            try PrivateNetwork.ip("route add 10.78.5.128/25 via 10.79.0.9")
            let paths = try RoutePlanner.paths(for: try Self.addresses("10.78.0.0/16"))
            let byHop = Dictionary(uniqueKeysWithValues: paths.map { ($0.nextHop?.description ?? "", $0.destinations) })
            #expect(byHop["10.79.0.9"] == (try Self.addresses("10.78.5.128/25")))
            #expect(byHop["10.77.0.2"] == (try Self.addresses("10.78.0.0-10.78.5.127", "10.78.6.0-10.78.255.255")))
        }
    }

    @Test("what cannot be reached is named, with what to do")
    func unreachable() async throws {
        try await PrivateNetwork.run {
            try PrivateNetwork.layCable()
            let noRoute = try #require(
                Self.message { try RoutePlanner.paths(for: try Self.addresses("10.78.0.1", "10.99.0.0/24")) })
            #expect(noRoute.0 == .unroutable && noRoute.1.contains("10.99.0.0/24") && noRoute.1.contains("no route"), "\(noRoute.1)")
            try PrivateNetwork.ip("route add prohibit 10.78.7.0/24")
            let prohibited = try #require(
                Self.message { try RoutePlanner.paths(for: try Self.addresses("10.78.0.0/16")) })
            #expect(prohibited.0 == .unroutable && prohibited.1.contains("10.78.7.0/24"), "\(prohibited.1)")
            let ipv6 = try #require(
                Self.message { try RoutePlanner.paths(for: try Self.addresses("2001:db8::/64")) })
            #expect(ipv6.0 == .unroutable && ipv6.1.contains("2001:db8::/64") && ipv6.1.contains("no route"), "\(ipv6.1)")
        }
    }

    @Test("an interface that does not exist or is down, and a source that is not ours, are refused by name")
    func refused() async throws {
        try await PrivateNetwork.run {
            try PrivateNetwork.layCable()
            let targets = try Self.addresses("10.78.0.1")
            let none = try #require(Self.message { try RoutePlanner.paths(for: targets, Narrowing(interface: "eth9")) })
            #expect(none.0 == .unroutable && none.1.contains("eth9") && none.1.contains("cable0"), "\(none.1)")
            let source = try #require(
                Self.message { try RoutePlanner.paths(for: targets, Narrowing(source: IPAddress("10.77.0.99"))) })
            #expect(source.0 == .unroutable && source.1.contains("10.77.0.99"), "\(source.1)")
            try PrivateNetwork.ip("link set cable1 down")
            try PrivateNetwork.ip("link set cable0 down")
            let down = try #require(Self.message { try RoutePlanner.paths(for: targets, Narrowing(interface: "cable0")) })
            #expect(down.0 == .unroutable && down.1.contains("cable0 is down"), "\(down.1)")
        }
    }

    @Test("a chosen source address and interface are used")
    func chosen() async throws {
        try await PrivateNetwork.run {
            try PrivateNetwork.layCable()
            try PrivateNetwork.ip("address add 10.77.0.50/32 dev cable0")
            let paths = try RoutePlanner.paths(
                for: try Self.addresses("10.78.0.0/24"), Narrowing(interface: "cable0", source: IPAddress("10.77.0.50")))
            #expect(paths.map(\.source) == [IPAddress("10.77.0.50")] && paths.map(\.interface.name) == ["cable0"])
        }
    }

    private static func ways(_ ranges: String..., ports: String = "80") throws -> Ways {
        let addresses = AddressSet(try ranges.map { try #require(AddressRange($0)) })
        return try RoutePlanner.ways(to: RouteQuestion(addresses, at: try #require(PortSet(ports))))
    }

    @Test("what no way leads to is named, all of it and in words, and the rest keeps its ways")
    func rest() async throws {
        try await PrivateNetwork.run {
            try PrivateNetwork.layCable()
            for (kind, block) in [
                ("blackhole", "10.78.1.0/24"), ("prohibit", "10.78.2.0/24"), ("unreachable", "10.78.3.0/24"), ("throw", "10.78.4.0/24"),
            ] {
                try PrivateNetwork.ip("route add \(kind) \(block)")
            }
            try PrivateNetwork.ip("route add 10.78.5.0/24 via 10.77.0.9")
            let ways = try Self.ways("10.78.0.0/21", "10.99.0.0/24")
            #expect(ways.paths.map(\.destinations) == [try Self.addresses("10.78.0.0/24", "10.78.6.0/23")])
            #expect(
                ways.unreached.contains {
                    $0.cause.reason == .gatewaySilent && $0.sentence.contains("gateway 10.77.0.9 on cable0 does not answer ARP")
                })
            let sentences = ways.sentences.joined(separator: "\n")
            for word in [
                "10.78.1.0/24: a blackhole route", "10.78.2.0/24: a prohibit route", "10.78.3.0/24: an unreachable route", "10.78.4.0/24",
                "10.99.0.0/24",
            ] {
                #expect(sentences.contains(word), "\(sentences)")
            }
            #expect(!sentences.contains("Invalid argument"))
            let strict = try #require(throws: EngineError.self) { try ways.check(isStrict: true) }
            for range in ["10.78.1.0/24", "10.78.2.0/24", "10.78.3.0/24", "10.78.4.0/24", "10.78.5.0/24", "10.99.0.0/24"] {
                #expect(strict.message.contains(range), "\(strict.message)")
            }
            try ways.check()
            #expect(throws: EngineError.self) { try Self.ways("10.99.0.0/24").check() }
        }
    }

    @Test("the kernel sends what an IPsec policy or a route with an encapsulation concerns, and nothing else")
    func policies() async throws {
        try await PrivateNetwork.run {
            try PrivateNetwork.layCable()
            let template = "tmpl src 10.77.0.1 dst 10.77.0.2 proto esp mode tunnel"
            try PrivateNetwork.ip("xfrm policy add dst 10.78.1.0/24 dir out \(template)")
            try PrivateNetwork.ip("xfrm policy add dst 10.78.2.0/24 proto tcp dir out \(template)")
            try PrivateNetwork.ip("xfrm policy add dst 10.78.3.0/24 proto udp dir out \(template)")
            try PrivateNetwork.ip("xfrm policy add src 10.66.0.0/16 dst 10.78.4.0/24 dir out \(template)")
            try PrivateNetwork.ip("xfrm policy add dst 10.78.5.0/24 dir in \(template)")
            try PrivateNetwork.ip("xfrm policy add dst 10.78.6.0/24 dir out action block")
            try PrivateNetwork.ip("xfrm policy add dst 10.78.7.0/24 dir out")
            try PrivateNetwork.ip("xfrm policy add dst 10.78.8.0/24 proto tcp dport 443 dir out \(template)")
            try PrivateNetwork.ip("xfrm policy add dst 10.78.9.0/24 dir out if_id 7 \(template)")
            try PrivateNetwork.ip("route add 10.78.10.0/24 encap ip id 1 dst 10.77.0.2 via 10.77.0.2 dev cable0")
            let ways = try Self.ways("10.78.0.0/20", ports: "80,443")
            let byKernel = AddressSet(ways.paths.filter { !$0.takesFrames }.flatMap(\.destinations.ranges))
            #expect(byKernel == (try Self.addresses("10.78.1.0/24", "10.78.2.0/24", "10.78.6.0/24", "10.78.10.0/24")))
            #expect(ways.paths.filter { !$0.takesFrames }.allSatisfy { $0.reason.contains("IPsec") || $0.reason.contains("encap ip") })
            // Of the policy by port that port alone is left out.
            let byPort = try Self.addresses("10.78.8.0/24")
            #expect(ways.unreached.map(\.ports) == [PortSet("443")] && ways.unreached.map(\.addresses) == [byPort])
            #expect(try Self.ways("10.78.8.0/24", ports: "80").unreached.isEmpty)
        }
    }

    @Test("IPsec's default policy that lets nothing through is the kernel's to apply")
    func defaultPolicy() async throws {
        try await PrivateNetwork.run {
            try PrivateNetwork.layCable()
            #expect(try Self.ways("10.78.0.0/24").paths.allSatisfy { $0.takesFrames })
            try PrivateNetwork.ip("xfrm policy setdefault out block")
            #expect(try Self.ways("10.78.0.0/24").paths.allSatisfy { !$0.takesFrames && $0.reason.contains("default policy") })
        }
    }

    @Test("rules by protocol and by port decide, as the kernel says")
    func rules() async throws {
        try await PrivateNetwork.run {
            try PrivateNetwork.layCable()
            try PrivateNetwork.ip("address add 10.79.0.1/24 dev cable1")
            try PrivateNetwork.ip("neighbour replace 10.79.0.9 lladdr 02:00:5e:10:00:09 nud permanent dev cable1")
            try PrivateNetwork.ip("route add default via 10.79.0.9 table 100")
            try PrivateNetwork.ip("rule add to 10.78.1.0/24 ipproto tcp lookup 100")
            try PrivateNetwork.ip("rule add to 10.78.2.0/24 ipproto udp lookup 100")
            try PrivateNetwork.ip("rule add to 10.78.3.0/24 ipproto tcp dport 25 lookup 100")
            try PrivateNetwork.ip("rule add to 10.78.4.0/24 sport 61000-61999 lookup 100")
            /// By whom, how, and without which ports.
            func told(_ block: String, _ ports: String) throws -> String {
                let ways = try Self.ways(block, ports: ports)
                let out = ways.unreached.flatMap { $0.ports.map { Array($0) } ?? [] }
                let path = try #require(ways.paths.first)
                return "\(path.nextHop?.description ?? "") \(path.takesFrames ? "frames" : "kernel") \(out)"
            }
            #expect(try told("10.78.1.0/24", "80") == "10.79.0.9 kernel []")
            #expect(try told("10.78.2.0/24", "80") == "10.77.0.2 frames []")
            #expect(try told("10.78.3.0/24", "80") == "10.77.0.2 frames []")
            #expect(try told("10.78.3.0/24", "25") == "10.79.0.9 frames []")
            // The way of most ports is taken; others are left out, and it is said.
            #expect(try told("10.78.3.0/24", "22,25,80") == "10.77.0.2 frames [25]")
            #expect(try told("10.78.4.0/24", "80") == "10.79.0.9 frames []")
        }
    }

    @Test("a process that may send raw packets is told that nothing is missing")
    func privilege() async throws {
        try await PrivateNetwork.run { #expect(Privilege.missing() == nil) }
    }
}
