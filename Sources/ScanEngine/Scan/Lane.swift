import ScanTargets

/// One path's side of the transmit loop: its frames, and how many of them wait to be sent.
final class Lane {
    let destinations: AddressSet
    let kind: LinkKind
    /// Why this kind of link, for people.
    let reason: String
    /// What was tried before it, and why that was not possible.
    let refusals: [String]
    private let link: any ProbeLink
    /// Allocated here, freed in deinit; the packet path makes frames through it without touching this object.
    let writer: UnsafeMutablePointer<FrameWriter>

    init(_ path: ScanPath, _ specification: ScanSpecification, _ links: LinkPool) throws(EngineError) {
        let opened = try links.open(path, options: specification.tcpOptions, preferring: specification.link)
        (link, kind, reason, refusals) = (opened.link, opened.kind, opened.reason, opened.refusals)
        destinations = path.destinations
        let positions = UnsafeMutablePointer<UInt64>.allocate(capacity: FrameSlots.batch)
        positions.initialize(repeating: 0, count: FrameSlots.batch)
        writer = .allocate(capacity: 1)
        // Only IPv4 paths can be opened.
        writer.initialize(
            to: FrameWriter(
                opened.template, ProbeCookie(key: specification.key), source: path.source.v4 ?? 0, slots: link.slots(),
                positions: positions))
    }

    deinit {
        writer.pointee.positions.deallocate()
        writer.deallocate()
    }

    var pending: Int { writer.pointee.pending }

    /// Whether another frame can be made.
    var hasRoom: Bool { !writer.pointee.isFull }

    /// Looks for room again where there was little; whether there is any.
    func makeRoom() -> Bool {
        if pending == 0, writer.pointee.slots.count < FrameSlots.batch / 2 { writer.pointee.slots = link.slots() }
        return hasRoom
    }

    /// How many frames the interface has dropped since this was asked last.
    func takeDrops() -> Int { link.takeDrops() }

    struct Sent {
        var probes = 0
        var refused = 0
        /// The first position whose probe was dropped.
        var dropped: UInt64?
    }

    /// Drops what is pending.
    func drop() -> Sent {
        defer { clear() }
        return Sent(dropped: pending > 0 ? writer.pointee.positions[0] : nil)
    }

    /// Sends what is pending. While the kernel has no room `whileBusy` is called; when it returns false the rest is dropped.
    func flush(whileBusy: () -> Bool) throws(EngineError) -> Sent {
        var sent = Sent()
        var next = 0
        defer { clear() }
        while next < pending {
            switch try link.send(next..<pending) {
            case .sent(let count):
                next += count
                sent.probes += count
            case .refused:
                next += 1
                sent.refused += 1
            case .busy:
                guard whileBusy() else {
                    sent.dropped = writer.pointee.positions[next]
                    return sent
                }
            }
        }
        return sent
    }

    private func clear() {
        writer.pointee.pending = 0
        writer.pointee.slots = link.slots()
    }
}
