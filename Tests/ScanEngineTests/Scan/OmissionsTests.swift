import ScanEngine
import ScanTargets
import Testing

@Suite("Probes that were left out")
struct OmissionsTests {
    private let first = IPAddress(v4: 0x0A00_0001)
    private let second = IPAddress(v4: 0x0A00_0002)

    private func set(_ addresses: IPAddress...) -> AddressSet { AddressSet(addresses.map { AddressRange($0) }) }

    @Test("A target was left out for good only if each round left it out")
    func everyRound() {
        var omissions = Omissions()
        omissions.begin(0, 0..<100, leavingOut: set(first))
        omissions.begin(1, 0..<100, leavingOut: set(first, second))
        #expect(omissions.wereAll(2, of: 50, at: first))
        #expect(!omissions.wereAll(2, of: 50, at: second))
        omissions.begin(2, 0..<100, leavingOut: AddressSet())
        #expect(!omissions.wereAll(3, of: 50, at: first))
    }

    @Test("A new scope counts from the position on at which it came")
    func midRound() {
        var omissions = Omissions()
        omissions.begin(0, 0..<100, leavingOut: set(first))
        omissions.begin(0, 40..<100, leavingOut: AddressSet())
        omissions.begin(0, 60..<100, leavingOut: set(second))
        #expect(omissions.wereAll(1, of: 39, at: first) && !omissions.wereAll(1, of: 40, at: first))
        #expect(!omissions.wereAll(1, of: 59, at: second) && omissions.wereAll(1, of: 60, at: second))
    }

    @Test("What a run does once more replaces what was noted of it")
    func goingBack() {
        var omissions = Omissions()
        omissions.begin(0, 0..<100, leavingOut: set(first))
        omissions.begin(0, 50..<100, leavingOut: set(second))
        omissions.begin(1, 0..<100, leavingOut: set(first))
        omissions.begin(0, 30..<100, leavingOut: AddressSet())
        #expect(omissions.wereAll(1, of: 29, at: first))
        for position: UInt64 in [30, 60, 99] {
            #expect(!omissions.wereAll(1, of: position, at: first) && !omissions.wereAll(1, of: position, at: second))
        }
        omissions.begin(0, 0..<100, leavingOut: AddressSet())
        #expect(omissions.isEmpty)
    }
}
