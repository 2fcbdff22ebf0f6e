package import ScanCore
package import ScanTargets

/// Makes the frames of a lane in place. Plain numbers and pointers, so that the packet path counts no references.
package struct FrameWriter: BitwiseCopyable {
    private let patch: SynPatch
    private let cookies: ProbeCookie
    private let source: IPAddress
    /// Where the next frames go.
    package private(set) var slots: FrameSlots
    /// What each pending frame asks, where it is IPv4. Allocated in the initialiser, as `positions`, freed by `deallocate`.
    private let aims: UnsafeMutablePointer<ProbeAim>
    /// Where in the order each pending frame's target stands.
    package let positions: UnsafeMutablePointer<UInt64>
    package private(set) var pending = 0

    package init(_ template: SynTemplate, _ cookies: ProbeCookie, source: IPAddress, slots: FrameSlots) {
        patch = template.patch
        self.cookies = cookies
        self.source = source
        self.slots = slots
        aims = .allocate(capacity: FrameSlots.batch + SynPatch.padding)
        aims.initialize(repeating: ProbeAim(0, 0, from: 0), count: FrameSlots.batch + SynPatch.padding)
        positions = .allocate(capacity: FrameSlots.batch)
        positions.initialize(repeating: 0, count: FrameSlots.batch)
    }

    package func deallocate() {
        aims.deallocate()
        positions.deallocate()
    }

    /// How many more frames there is room for.
    @inline(__always)
    package var room: Int { slots.count &- pending }

    /// Has the next frame ask the IPv4 target at `position`. There must be room.
    @inline(__always)
    package mutating func add(_ position: UInt64, _ aim: ProbeAim, by hop: UInt64) {
        aims[pending] = aim
        add(position, by: hop)
    }

    /// The same for several targets that all have the hop that the lane's frames have anyway.
    @inline(__always)
    package mutating func add(_ positions: UnsafePointer<UInt64>, _ aims: UnsafePointer<ProbeAim>, count: Int) {
        (self.aims + pending).update(from: aims, count: count)
        (self.positions + pending).update(from: positions, count: count)
        pending &+= count
    }

    /// Has the next frame ask the IPv6 target at `position`. There must be room.
    @inline(__always)
    package mutating func add(_ position: UInt64, _ destination: UInt128, by hop: UInt64, port: UInt16, from sourcePort: UInt16) {
        patch.aim(slots[pending], at: destination, port: port, from: sourcePort)
        add(position, by: hop)
    }

    package mutating func add(_ position: UInt64, _ target: Endpoint, by hop: UInt64, from sourcePort: UInt16) {
        if let destination = target.address.v4 {
            add(position, ProbeAim(destination, target.port, from: sourcePort), by: hop)
        } else {
            add(position, target.address.value, by: hop, port: target.port, from: sourcePort)
        }
    }

    /// `hop` is the hardware address, as a number, that an Ethernet frame begins with; zero where all frames of the lane have the same.
    @inline(__always)
    private mutating func add(_ position: UInt64, by hop: UInt64) {
        if hop != 0 {
            let frame = slots[pending]
            frame.storeBytes(of: UInt32(truncatingIfNeeded: hop), as: UInt32.self)
            frame.storeBytes(of: UInt16(truncatingIfNeeded: hop &>> 32), toByteOffset: 4, as: UInt16.self)
        }
        // In range: `pending` is below the number of slots, which is at most a batch.
        positions[pending] = position
        pending &+= 1
    }

    /// Completes what is pending: cookies and checksums are left to a loop of their own, where the processor works on several frames at a time,
    /// since none waits for another.
    package func complete() {
        switch source.family {
        case .v4: completeV4()
        case .v6: completeV6()
        }
    }

    private func completeV4() {
        var index = 0
        while index < pending {
            // A canary, in the midst of others, has a source port of its own.
            let sender = cookies.sender(source, aims[index].sourcePort)
            index &+= patch.complete(slots, aims, index..<pending, sender)
        }
    }

    private func completeV6() {
        var sender = cookies.sender(source, 0)
        for index in 0..<pending {
            let frame = slots[index]
            let ports = patch.ports(of: frame)
            if ports.source != sender.port { sender = cookies.sender(source, ports.source) }
            let destination = patch.destination(of: frame)
            patch.complete(frame, destination, ports, cookie: sender.cookie(to: destination, ports.destination))
        }
    }

    /// What a pending frame asks.
    package func target(of index: Int) -> Endpoint {
        guard source.family == .v6 else {
            return Endpoint(address: IPAddress(v4: aims[index].destination), port: aims[index].port)
        }
        let frame = slots[index]
        return Endpoint(address: IPAddress(v6: patch.destination(of: frame)), port: patch.ports(of: frame).destination)
    }

    /// All frames have been sent or dropped; the next ones go elsewhere.
    package mutating func begin(_ slots: FrameSlots) {
        self.slots = slots
        pending = 0
    }
}
