import ScanTargets

/// Makes the frames of a lane in place. Plain numbers and pointers, so that the packet path counts no references.
struct FrameWriter: BitwiseCopyable {
    private let patch: SynPatch
    private let cookies: ProbeCookie
    private let source: UInt128
    /// Where the next frames go. Only while none is pending may it be replaced.
    var slots: FrameSlots
    /// Where in the order each pending frame's target stands.
    let positions: UnsafeMutablePointer<UInt64>
    var pending = 0

    init(_ template: SynTemplate, _ cookies: ProbeCookie, source: IPAddress, slots: FrameSlots, positions: UnsafeMutablePointer<UInt64>) {
        patch = template.patch
        self.cookies = cookies
        self.source = source.value
        self.slots = slots
        self.positions = positions
    }

    /// Whether there is no room for another frame.
    @inline(__always)
    var isFull: Bool { pending == slots.count }

    /// Makes the next frame the probe for the IPv4 target at `position`. There must be room.
    @inline(__always)
    mutating func add(_ position: UInt64, _ destination: UInt32, by hop: UInt64, port: UInt16, from sourcePort: UInt16) {
        address(hop)
        let source = UInt32(truncatingIfNeeded: source)
        let cookie = cookies.value(source: source, destination: destination, sourcePort: sourcePort, destinationPort: port)
        patch.apply(to: slots[pending], destination: destination, sourcePort: sourcePort, destinationPort: port, cookie: cookie)
        // In range: a slot's index is below the size of a batch, for which there is room.
        positions[pending] = position
        pending &+= 1
    }

    /// The same for an IPv6 target.
    @inline(__always)
    mutating func add(_ position: UInt64, _ destination: UInt128, by hop: UInt64, port: UInt16, from sourcePort: UInt16) {
        address(hop)
        let cookie = cookies.value(source: source, destination: destination, sourcePort: sourcePort, destinationPort: port)
        patch.apply(to: slots[pending], destination: destination, sourcePort: sourcePort, destinationPort: port, cookie: cookie)
        positions[pending] = position
        pending &+= 1
    }

    mutating func add(_ position: UInt64, _ target: Endpoint, by hop: UInt64, from sourcePort: UInt16) {
        if let destination = target.address.v4 {
            add(position, destination, by: hop, port: target.port, from: sourcePort)
        } else {
            add(position, target.address.value, by: hop, port: target.port, from: sourcePort)
        }
    }

    /// Writes the hardware address, as a number, that an Ethernet frame begins with; zero where all frames of the lane have the same.
    @inline(__always)
    private func address(_ hop: UInt64) {
        guard hop != 0 else { return }
        let frame = slots[pending]
        frame.storeBytes(of: UInt32(truncatingIfNeeded: hop), as: UInt32.self)
        frame.storeBytes(of: UInt16(truncatingIfNeeded: hop &>> 32), toByteOffset: 4, as: UInt16.self)
    }
}
