/// Makes the frames of a lane in place. Plain numbers and pointers, so that the packet path counts no references.
struct FrameWriter: BitwiseCopyable {
    private let patch: SynPatch
    private let cookies: ProbeCookie
    private let source: UInt32
    /// Where the next frames go. Only while none is pending may it be replaced.
    var slots: FrameSlots
    /// Where in the order each pending frame's target stands.
    let positions: UnsafeMutablePointer<UInt64>
    var pending = 0

    init(_ template: SynTemplate, _ cookies: ProbeCookie, source: UInt32, slots: FrameSlots, positions: UnsafeMutablePointer<UInt64>) {
        patch = template.patch
        self.cookies = cookies
        self.source = source
        self.slots = slots
        self.positions = positions
    }

    /// Whether there is no room for another frame.
    @inline(__always)
    var isFull: Bool { pending == slots.count }

    /// Makes the next frame the probe for the target at `position`. There must be room.
    @inline(__always)
    mutating func add(_ position: UInt64, _ destination: UInt32, port: UInt16, from sourcePort: UInt16) {
        let cookie = cookies.value(source: source, destination: destination, sourcePort: sourcePort, destinationPort: port)
        patch.apply(to: slots[pending], destination: destination, sourcePort: sourcePort, destinationPort: port, cookie: cookie)
        // In range: a slot's index is below the size of a batch, for which there is room.
        positions[pending] = position
        pending &+= 1
    }
}
