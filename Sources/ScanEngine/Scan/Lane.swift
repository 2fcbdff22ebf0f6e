import ScanTargets

/// One path's side of the transmit loop: its frames, and how many of them wait to be sent.
final class Lane {
    let destinations: AddressSet
    private let source: UInt32
    private let template: SynTemplate
    private let cookies: ProbeCookie
    private let link: any ProbeLink
    private let frames: FrameBatch
    /// Where in the order each pending frame's target stands.
    private var positions = [UInt64](repeating: 0, count: FrameBatch.capacity)
    private(set) var pending = 0

    init(_ path: ScanPath, _ specification: ScanSpecification) throws(EngineError) {
        guard let source = path.source.v4 else {
            throw EngineError(.unroutable, "The source address \(path.source) is IPv6: probing IPv6 is not available yet.")
        }
        self.source = source
        destinations = path.destinations
        cookies = ProbeCookie(key: specification.key)
        switch (path.link, path.interface.hardwareAddress, path.hardwareAddress) {
        case (.packet, .some(let own), .some(let hop)):
            let framing = SynTemplate.Framing.ethernet(source: own, destination: hop)
            template = SynTemplate(framing: framing, source: source, options: specification.tcpOptions)
            link = try PacketLink(path.interface, template: template)
        default:
            template = SynTemplate(framing: .none, source: source, options: specification.tcpOptions)
            link = try RawIPLink(path.interface, source: source, template: template)
        }
        frames = link.frames
    }

    var isFull: Bool { pending == FrameBatch.capacity }

    /// Makes the next frame the probe for the target at `position`. There must be room.
    @inline(__always)
    func add(_ position: UInt64, _ destination: UInt32, port: UInt16, from sourcePort: UInt16) {
        let cookie = cookies.value(source: source, destination: destination, sourcePort: sourcePort, destinationPort: port)
        template.patch(frames.frame(pending), destination: destination, sourcePort: sourcePort, destinationPort: port, cookie: cookie)
        positions[pending] = position
        pending += 1
    }

    struct Sent {
        var probes = 0
        var refused = 0
        /// The first position whose probe was dropped.
        var dropped: UInt64?
    }

    /// Drops what is pending.
    func drop() -> Sent {
        defer { pending = 0 }
        return Sent(dropped: pending > 0 ? positions[0] : nil)
    }

    /// Sends what is pending. While the kernel has no room `whileBusy` is called; when it returns false the rest is dropped.
    func flush(whileBusy: () -> Bool) throws(EngineError) -> Sent {
        var sent = Sent()
        var next = 0
        defer { pending = 0 }
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
                    sent.dropped = positions[next]
                    return sent
                }
            }
        }
        return sent
    }
}
