import PacketIO
import ScanCore
import ScanTargets
import SystemPackage

/// One path's side of the transmit loop: its frames, and how many of them wait to be sent.
final class Lane {
    let path: ScanPath
    /// Those of the path's destinations that can be reached: on the link itself, those that have a hardware address.
    private(set) var destinations: AddressSet
    /// The destinations by the hardware address that their frames begin with.
    private(set) var hops: WayTable.Hops
    /// Where frames go to a gateway.
    let gateway: GatewayWatch?
    let kind: LinkKind
    /// Why this kind of link, for people.
    let reason: String
    /// What was tried before it, and why that was not possible.
    let refusals: [String]
    private let link: any ProbeLink
    /// Why the kernel takes nothing, where that is known, for people; and when it was asked last, ns.
    private(set) var obstacle: String?
    private var tableSeen: Int64 = 0
    /// Allocated here, freed in deinit; the packet path makes frames through it without touching this object.
    let writer: UnsafeMutablePointer<FrameWriter>

    init(_ path: ScanPath, _ specification: ScanSpecification, _ links: LinkPool) throws(EngineError) {
        let opened = try links.open(
            path, options: specification.tcpOptions, preferring: specification.link, threads: specification.sendThreads)
        (link, kind, reason, refusals) = (opened.link, opened.kind, opened.reason, opened.refusals)
        self.path = path
        destinations = path.destinations
        hops = .same(path.destinations, 0)
        gateway = kind == .rawIP ? nil : try Self.gateway(of: path)
        writer = .allocate(capacity: 1)
        writer.initialize(
            to: FrameWriter(opened.template, ProbeCookie(key: specification.key), source: path.source, slots: link.slots()))
    }

    deinit {
        writer.pointee.deallocate()
        writer.deallocate()
    }

    private static func gateway(of path: ScanPath) throws(EngineError) -> GatewayWatch? {
        guard case .gateway(let address, let hardware) = path.hop, path.source.family == address.family else { return nil }
        // What the administrator has fixed does not move.
        var netlink = try Netlink()
        guard KernelNeighbors.fixed(on: path.interface, address.family, &netlink)[address] == nil else { return nil }
        return try GatewayWatch(address, hardware, on: path.interface, source: path.source)
    }

    /// Whether each target must have its hardware address found out first.
    var needsNeighbors: Bool { path.hop == .link && kind != .rawIP }

    /// Takes over which of the path's destinations have which hardware address; the others cannot be reached.
    func resolve(_ neighbors: [IPAddress: HardwareAddress]) {
        let known = neighbors.filter { path.destinations.contains($0.key) }.map { WayTable.Neighbor($0, $1.number) }
            .sorted { $0.address < $1.address }
        hops = .each(known)
        destinations = AddressSet(known.lazy.map { AddressRange($0.address) })
    }

    /// Some neighbours have answered once more, maybe with other hardware addresses.
    func follow(_ neighbors: [IPAddress: HardwareAddress]) {
        guard case .each(let known) = hops else { return }
        hops = .each(known.map { WayTable.Neighbor($0.address, neighbors[$0.address]?.number ?? $0.hop) })
    }

    /// The gateway has another hardware address now.
    func follow(_ gateway: GatewayWatch) {
        hops = .same(path.destinations, gateway.hardware.number)
    }

    var pending: Int { writer.pointee.pending }

    /// Whether another frame can be made.
    var hasRoom: Bool { writer.pointee.room > 0 }

    /// Looks for room again where there was little; whether there is any.
    func makeRoom() -> Bool {
        if pending == 0, writer.pointee.slots.count < FrameSlots.batch / 2 { writer.pointee.begin(link.slots()) }
        return hasRoom
    }

    /// How many frames the interface has dropped since this was asked last.
    func takeDrops() -> Int { link.takeDrops() }

    struct Sent {
        var probes = 0
        var refused: [Refused] = []
        /// The first position whose probe was dropped.
        var dropped: UInt64?
    }

    /// A probe that the kernel did not take, and why.
    struct Refused {
        let target: Endpoint
        let code: Errno
    }

    /// Drops what is pending.
    func drop() -> Sent {
        defer { writer.pointee.begin(link.slots()) }
        return Sent(dropped: pending > 0 ? writer.pointee.positions[0] : nil)
    }

    /// Sends what is pending. While the kernel has no room `whileBusy` is called; when it returns false the rest is dropped.
    func flush(whileBusy: () -> Bool) throws(EngineError) -> Sent {
        var sent = Sent()
        var next = 0
        defer { writer.pointee.begin(link.slots()) }
        writer.pointee.complete()
        var attempts = 0
        while next < pending {
            switch try link.send(next..<pending) {
            case .sent(let count):
                obstacle = nil
                next += count
                sent.probes += count
                attempts = 0
            case .refused(.notPermitted) where isTableFull():
                guard whileBusy() else {
                    sent.dropped = writer.pointee.positions[next]
                    return sent
                }
            // What was so for a moment, such as a table that was full, is not said of a target for good.
            case .refused where attempts < Self.mostAttempts: attempts += 1
            case .refused(let code):
                sent.refused.append(Refused(target: writer.pointee.target(of: next), code: code))
                next += 1
                attempts = 0
            case .busy:
                guard whileBusy() else {
                    sent.dropped = writer.pointee.positions[next]
                    return sent
                }
            }
        }
        return sent
    }

    private static let mostAttempts = 2

    /// Whether the kernel refuses what it shall send for us because it has no place for another connection. Asked at most every tenth of a second.
    private func isTableFull() -> Bool {
        guard kind == .rawIP else { return false }
        let now = SteadyClock.nanoseconds()
        guard now - tableSeen > 100_000_000 else { return obstacle != nil }
        tableSeen = now
        let isFull = ConnectionTracking.isFull
        obstacle =
            isFull
            ? "the kernel's table of connections is full, so that it sends nothing new (synscan status says how to leave probes out)" : nil
        return isFull
    }
}
