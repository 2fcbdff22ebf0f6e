package import ScanTargets

/// Makes the frames of a lane in place. Plain numbers and pointers, so that the packet path counts no references.
package struct FrameWriter: BitwiseCopyable {
    private let patch: SynPatch
    private let cookies: ProbeCookie
    private let source: IPAddress
    /// Where the next frames go.
    private(set) var slots: FrameSlots
    /// Where in the order each pending frame's target stands.
    let positions: UnsafeMutablePointer<UInt64>
    private(set) var pending = 0

    package init(
        _ template: SynTemplate, _ cookies: ProbeCookie, source: IPAddress, slots: FrameSlots, positions: UnsafeMutablePointer<UInt64>
    ) {
        patch = template.patch
        self.cookies = cookies
        self.source = source
        self.slots = slots
        self.positions = positions
    }

    /// Whether there is no room for another frame.
    @inline(__always)
    var isFull: Bool { pending == slots.count }

    /// Has the next frame ask the IPv4 target at `position`. There must be room.
    @inline(__always)
    package mutating func add(_ position: UInt64, _ destination: UInt32, by hop: UInt64, port: UInt16, from sourcePort: UInt16) {
        let frame = next(position, hop)
        patch.aim(frame, at: destination, port: port, from: sourcePort)
    }

    /// The same for an IPv6 target.
    @inline(__always)
    package mutating func add(_ position: UInt64, _ destination: UInt128, by hop: UInt64, port: UInt16, from sourcePort: UInt16) {
        let frame = next(position, hop)
        patch.aim(frame, at: destination, port: port, from: sourcePort)
    }

    package mutating func add(_ position: UInt64, _ target: Endpoint, by hop: UInt64, from sourcePort: UInt16) {
        if let destination = target.address.v4 {
            add(position, destination, by: hop, port: target.port, from: sourcePort)
        } else {
            add(position, target.address.value, by: hop, port: target.port, from: sourcePort)
        }
    }

    /// `hop` is the hardware address, as a number, that an Ethernet frame begins with; zero where all frames of the lane have the same.
    @inline(__always)
    private mutating func next(_ position: UInt64, _ hop: UInt64) -> UnsafeMutableRawPointer {
        let frame = slots[pending]
        if hop != 0 {
            frame.storeBytes(of: UInt32(truncatingIfNeeded: hop), as: UInt32.self)
            frame.storeBytes(of: UInt16(truncatingIfNeeded: hop &>> 32), toByteOffset: 4, as: UInt16.self)
        }
        // In range: a slot's index is below the size of a batch, for which there is room.
        positions[pending] = position
        pending &+= 1
        return frame
    }

    /// Completes what is pending: cookies and checksums are left to a loop of their own, where the processor works on several frames at a time,
    /// since none waits for another.
    package func complete() {
        var sender = cookies.sender(source, 0)
        for index in 0..<pending {
            let frame = slots[index]
            let ports = patch.ports(of: frame)
            // A canary, in the midst of others, has a source port of its own.
            if ports.source != sender.port { sender = cookies.sender(source, ports.source) }
            switch source.family {
            case .v4:
                let destination = patch.destination(v4: frame)
                patch.complete(frame, destination, ports, cookie: sender.cookie(to: destination, ports.destination))
            case .v6:
                let destination = patch.destination(v6: frame)
                patch.complete(frame, destination, ports, cookie: sender.cookie(to: destination, ports.destination))
            }
        }
    }

    /// All frames have been sent or dropped; the next ones go elsewhere.
    package mutating func begin(_ slots: FrameSlots) {
        self.slots = slots
        pending = 0
    }
}
