import PacketIO
import ScanCore
import ScanEngine
import ScanTargets

/// What the transmit thread does when the scope or a neighbour changes: 100,000 neighbours on a link beside a gateway, and 100,000 addresses
/// that are denied.
enum Refresh {
    static func run(_ count: Int) -> Measurement? {
        // Neighbours 198.18.0.0 and on, each second one denied, and behind the gateway 50,000 denied holes.
        let neighbors = (0..<100_000).map { WayTable.Neighbor(IPAddress(v4: 0xC612_0000 + UInt32($0)), UInt64($0) + 1) }
        let near = AddressSet(neighbors.map { AddressRange($0.address) })
        let behind = AddressSet([AddressRange("10.0.0.0/8")].compactMap(\.self))
        let denied = AddressSet(
            (0..<50_000).flatMap { number in
                [0xC612_0000, 0x0A00_0000].map { AddressRange(IPAddress(v4: $0 + 2 * number)) }
            })
        let allowed = near.union(behind).subtracting(denied)
        return Measurement("refresh", count: count) { _ in
            let reachable = AddressSet(joining: [near, behind]).intersection(allowed)
            let lanes = [WayTable.Stretch(.each(neighbors), lane: 0), WayTable.Stretch(behind, lane: 1, hop: 7)]
            let table = WayTable(lanes, allowed: allowed)
            return UInt64(truncatingIfNeeded: reachable.count) &+ table.view.way(for: UInt32(0xC612_0001)).hop
        }
    }
}

/// A whole run with both its threads, but for the frames: they are made and forgotten. Opens a capture on loopback, so it must be root.
enum Engine {
    /// `count` is brought down to a whole number of hosts with 1000 ports each.
    static func run(_ count: Int) throws -> Measurement? {
        let hosts = UInt32(clamping: max(1, count / 1000))
        guard let key = PacketPath.key(6),
            let range = AddressRange(first: IPAddress(v4: 0x7F01_0000), last: IPAddress(v4: 0x7F01_0000 + hosts - 1))
        else { return nil }
        let selection = TargetSelection(hosts: AddressSet([range]), ports: PortSet([1...1000]), endpoints: [])
        let specification = ScanSpecification(
            selection: selection, key: key, rate: 100_000_000, retries: 0, tcpOptions: .mss, recorded: [.open],
            caps: RateCaps.Limits(perHost: 100_000_000, perNetwork: 100_000_000))
        let done = try WakeEvent()
        let run = try ScanRun(
            specification, ways: try RoutePlanner.ways(to: RouteQuestion(selection)),
            ports: try SourcePortBlock.reserve(in: 61_000...65_535, preferring: nil, avoiding: []),
            scope: ScopeGuard(allowed: selection.addresses), brake: Brake(), captures: CaptureReserve(),
            links: LinkPool(opener: { ForgettingLink($0) }), sink: ForgettingSink(), resuming: nil)
        return try Measurement(engine: hosts) {
            try run.start { _ in done.signal() }
            while !done.wait(nanoseconds: 1_000_000_000) {}
        }
    }
}

extension Measurement {
    /// The whole run, less the three seconds that it waits for answers where nothing has answered.
    fileprivate init(engine hosts: UInt32, _ body: () throws -> Void) throws {
        let targets = Int(hosts) * 1000
        var failure: (any Error)?
        let whole = Measurement("engine", count: 1) { _ in
            do { try body() } catch { failure = error }
            return 1
        }
        if let failure { throw failure }
        self.init(
            name: "engine", nanoseconds: (whole.nanoseconds - 3e9) / Double(targets),
            allocations: whole.allocations.map { $0 / Double(targets) })
    }
}

private final class ForgettingLink: ProbeLink {
    private let frames: FrameBatch

    init(_ template: SynTemplate) { frames = FrameBatch(template: template.bytes) }

    func slots() -> FrameSlots { frames.slots }

    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome { .sent(range.count) }
}

private final class ForgettingSink: ObservationSink {
    let isFull = false
    let takesCheckpoint = true
    func deliver(_ batch: [Observation]) {}
    func deliver(_ hosts: [HostObservation]) {}
    func leave(_ untested: PositionSet) {}
    func keep(_ checkpoint: ScanCheckpoint) {}
    func noteObstacle() {}
}
