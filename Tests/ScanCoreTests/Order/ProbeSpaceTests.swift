import ScanCore
import ScanTargets
import TestSupport
import Testing

@Suite("The numbered targets of a job")
struct ProbeSpaceTests {
    struct Job: Sendable, CustomTestStringConvertible {
        let what: String
        let hosts: [String]
        let ports: String
        let endpoints: [String]

        init(_ what: String, hosts: [String] = [], ports: String = "", endpoints: [String] = []) {
            (self.what, self.hosts, self.ports, self.endpoints) = (what, hosts, ports, endpoints)
        }

        var testDescription: String { what }

        func selection() throws -> TargetSelection {
            TargetSelection(
                hosts: AddressSet(try hosts.map { try #require(AddressRange($0)) }), ports: try #require(PortSet(ports)),
                endpoints: try endpoints.map { try #require(Endpoint($0)) })
        }
    }

    private static let jobs: [Job] = [
        Job("one target", hosts: ["192.0.2.1"], ports: "80"),
        Job("one host, every port", hosts: ["192.0.2.1"], ports: "1-65535"),
        Job("a network, one port", hosts: ["198.18.0.0/16"], ports: "443"),
        Job("several ranges of both kinds", hosts: ["192.0.2.7", "198.51.100.0/25", "203.0.113.4-203.0.113.9"], ports: "22,80-90,65535"),
        Job("the ends of the address space", hosts: ["0.0.0.0/31", "255.255.255.254/31"], ports: "1,65535"),
        Job("endpoints only", endpoints: ["192.0.2.9:80", "192.0.2.1:443", "192.0.2.1:22"]),
        Job("product and endpoints", hosts: ["192.0.2.0/28"], ports: "80,443", endpoints: ["192.0.2.3:22", "198.51.100.1:80"]),
        Job("endpoints that the product has already", hosts: ["192.0.2.0/30"], ports: "80", endpoints: ["192.0.2.1:80", "192.0.2.1:81"]),
        Job("IPv6", hosts: ["2001:db8::/120", "2001:db8:1::5"], ports: "22,80", endpoints: ["[2001:db8:2::1]:25"]),
        Job("both families", hosts: ["192.0.2.0/29", "2001:db8::/125"], ports: "1-3", endpoints: ["[::1]:9", "10.0.0.1:9"]),
    ]

    @Test("every target has one number, and every number below the count has its target", arguments: jobs)
    func bothWays(job: Job) throws {
        let selection = try job.selection()
        let space = try #require(ProbeSpace(selection))
        #expect(UInt128(space.count) == selection.targetCount)
        var seen = Set<Endpoint>()
        for index in 0..<space.count {
            let target = try #require(space.target(at: index))
            #expect(selection.contains(target))
            #expect(space.index(of: target) == index)
            seen.insert(target)
        }
        #expect(seen.count == Int(space.count))
        #expect(space.target(at: space.count) == nil)
        #expect(space.target(at: .max) == nil)
    }

    @Test(
        "an answer from something that is no target of the job has no number",
        arguments: ["192.0.2.16:80", "192.0.2.1:81", "192.0.1.255:443", "198.51.100.1:443", "198.51.100.2:80", "[::c000:201]:80"])
    func strangers(target: String) throws {
        let job = Job("", hosts: ["192.0.2.0/28"], ports: "80,443", endpoints: ["192.0.2.3:22", "198.51.100.1:80"])
        let space = try #require(ProbeSpace(try job.selection()))
        #expect(space.index(of: try #require(Endpoint(target))) == nil)
    }

    @Test("all of IPv4 at every port can be numbered")
    func everything() throws {
        let space = try #require(ProbeSpace(try Job("", hosts: ["0.0.0.0/0"], ports: "1-65535").selection()))
        #expect(space.count == (1 << 32) * 65_535)
        var generator = SeededGenerator(seed: 20)
        for _ in 0..<10_000 {
            let index = UInt64.random(in: 0..<space.count, using: &generator)
            let target = try #require(space.target(at: index))
            #expect(target.port == UInt16(index % 65_535) + 1 && target.address.v4 == UInt32(index / 65_535))
            #expect(space.index(of: target) == index)
        }
    }

    @Test("a job may have 2^63 targets, not one more, and not none")
    func limits() throws {
        let largest = try #require(ProbeSpace(try Job("", hosts: ["2001:db8::/65"], ports: "80").selection()))
        #expect(largest.count == 1 << 63)
        #expect(largest.target(at: largest.count - 1) == Endpoint("[2001:db8::7fff:ffff:ffff:ffff]:80"))
        #expect(ProbeSpace(try Job("", hosts: ["2001:db8::/65"], ports: "80", endpoints: ["10.0.0.1:1"]).selection()) == nil)
        #expect(ProbeSpace(try Job("", hosts: ["::/0"], ports: "1-65535").selection()) == nil)
        #expect(ProbeSpace(TargetSelection(hosts: AddressSet(), ports: PortSet(), endpoints: [])) == nil)
    }
}
