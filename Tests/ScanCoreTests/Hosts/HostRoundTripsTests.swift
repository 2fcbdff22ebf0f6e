import ScanCore
import ScanTargets
import Testing

@Suite("The slowest answers of hosts")
struct HostRoundTripsTests {
    @Test("each host has its own, the slowest counts, and nothing is known of the others")
    func slowest() throws {
        var trips = HostRoundTrips()
        let hosts = try ["198.18.0.1", "198.18.0.2", "2001:2::1", "2001:2:0:0:1::1"].map { try #require(IPAddress($0)) }
        for (index, host) in hosts.enumerated() {
            trips.note(host, 100)
            trips.note(host, UInt32(1000 * (index + 1)))
            trips.note(host, 200)
        }
        #expect(hosts.map { trips.slowest(of: $0) } == [1000, 2000, 3000, 4000])
        #expect(trips.slowest(of: IPAddress(v4: 0)) == nil)
        #expect(trips.slowest(of: IPAddress(v6: 1)) == nil)
    }

    @Test("nearly all hosts of a /22 are remembered, and however many come, none has the time of another")
    func many() {
        var trips = HostRoundTrips()
        for host: UInt32 in 0..<1024 { trips.note(IPAddress(v4: 0xC612_0000 + host), host) }
        let known = (0..<1024).filter { (host: UInt32) in trips.slowest(of: IPAddress(v4: 0xC612_0000 + host)) == Int64(host) }
        #expect(known.count > 1000)
        for host: UInt32 in 0..<65_536 { trips.note(IPAddress(v4: 0xC612_0000 + host), host) }
        for host: UInt32 in 0..<65_536 {
            let slowest = trips.slowest(of: IPAddress(v4: 0xC612_0000 + host))
            #expect(slowest == nil || slowest == Int64(host))
        }
    }
}
