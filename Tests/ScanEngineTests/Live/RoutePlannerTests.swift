import Glibc
import ScanEngine
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

    @Test("a process that may send raw packets is told that nothing is missing")
    func privilege() async throws {
        try await PrivateNetwork.run { #expect(Privilege.missing() == nil) }
    }
}
