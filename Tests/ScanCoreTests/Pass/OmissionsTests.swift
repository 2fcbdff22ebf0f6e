import ScanCore
import ScanTargets
import Testing

@Suite("Probes that were left out")
struct OmissionsTests {
    private let first = IPAddress(v4: 0x0A00_0001)
    private let second = IPAddress(v4: 0x0A00_0002)

    private func set(_ addresses: IPAddress..., reason: Reason = .excluded) -> [Omissions.Part] {
        [Omissions.Part(AddressSet(addresses.map { AddressRange($0) }), reason)]
    }

    @Test("A target was left out for good only if each round left it out")
    func everyRound() {
        var omissions = Omissions()
        omissions.begin(0, 0..<100, leavingOut: set(first))
        omissions.begin(1, 0..<100, leavingOut: set(first, second))
        #expect(omissions.reason(inAll: 2, of: 50, at: first) == .excluded)
        #expect(omissions.reason(inAll: 2, of: 50, at: second) == nil)
        omissions.begin(2, 0..<100, leavingOut: [])
        #expect(omissions.reason(inAll: 3, of: 50, at: first) == nil)
    }

    @Test("A target has the last of its reasons, also after a checkpoint")
    func reasons() {
        var omissions = Omissions()
        omissions.begin(0, 0..<100, leavingOut: set(first) + set(second, reason: .noRoute))
        omissions.begin(0, 50..<100, leavingOut: set(first, reason: .noRoute))
        #expect(omissions.reason(inAll: 1, of: 49, at: first) == .excluded && omissions.reason(inAll: 1, of: 49, at: second) == .noRoute)
        #expect(omissions.reason(inAll: 1, of: 50, at: first) == .noRoute && omissions.reason(inAll: 1, of: 50, at: second) == nil)
        omissions.begin(1, 0..<100, leavingOut: set(first, reason: .noRoute))
        #expect(omissions.reason(inAll: 2, of: 10, at: first) == .noRoute && omissions.reason(inAll: 2, of: 10, at: second) == nil)
    }

    @Test("A new scope counts from the position on at which it came")
    func midRound() {
        var omissions = Omissions()
        omissions.begin(0, 0..<100, leavingOut: set(first))
        omissions.begin(0, 40..<100, leavingOut: [])
        omissions.begin(0, 60..<100, leavingOut: set(second))
        #expect(omissions.reason(inAll: 1, of: 39, at: first) == .excluded && omissions.reason(inAll: 1, of: 40, at: first) == nil)
        #expect(omissions.reason(inAll: 1, of: 59, at: second) == nil && omissions.reason(inAll: 1, of: 60, at: second) == .excluded)
    }

    @Test("What a run does once more replaces what was noted of it")
    func goingBack() {
        var omissions = Omissions()
        omissions.begin(0, 0..<100, leavingOut: set(first))
        omissions.begin(0, 50..<100, leavingOut: set(second))
        omissions.begin(1, 0..<100, leavingOut: set(first))
        omissions.begin(0, 30..<100, leavingOut: [])
        #expect(omissions.reason(inAll: 1, of: 29, at: first) == .excluded)
        for position: UInt64 in [30, 60, 99] {
            #expect(
                omissions.reason(inAll: 1, of: position, at: first) == nil && omissions.reason(inAll: 1, of: position, at: second) == nil)
        }
        omissions.begin(0, 0..<100, leavingOut: [])
        #expect(omissions.isEmpty)
    }
}
