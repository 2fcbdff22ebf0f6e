import Glibc

/// One path's share of an interface's AF_XDP socket: a slice of its memory, in which the frames are made in place.
final class XDPLink: ProbeLink {
    private let socket: XDPSocket
    private let frames: XDPSocket.Frames
    private let isHelped: Bool
    private var batch = SharedBatch()
    /// Where the next frame goes, and where frame 0 of the slots is.
    private var head = 0
    private var first = 0
    /// What this link has sent since the interface's counters were read last, and what they were then.
    private var sent = 0
    private var lastCounters: NetworkInterface.TransmitCounters?

    /// Throws when every slice is in use. `isHelped`: a second thread takes half of each large batch.
    init(_ socket: XDPSocket, template: SynTemplate, isHelped: Bool) throws(EngineError) {
        let stride = FrameSlots.stride(for: template.bytes.count)
        guard let slice = socket.takeSlice(stride: stride) else {
            throw EngineError(.device, "AF_XDP on \(socket.interface.name): its memory is in use by other jobs")
        }
        if isHelped { socket.addHelper() }
        self.socket = socket
        self.isHelped = isHelped
        frames = XDPSocket.Frames(slice: slice, stride: stride, length: template.bytes.count)
        for place in 0..<size { bytes(place).copyMemory(from: template.bytes, byteCount: template.bytes.count) }
        lastCounters = socket.readCounters()
    }

    deinit {
        socket.giveSlice(frames.slice)
    }

    /// Frames of the slice.
    private var size: Int { XDPSocket.sliceSize / frames.stride }

    private func bytes(_ place: Int) -> UnsafeMutableRawPointer { socket.bytes(of: frames.slice) + place * frames.stride }

    func slots() -> FrameSlots {
        batch.begin()
        // Where the kernel is done with it, the same memory again, since that is still in the cache; else what has been used least recently.
        let room = roomFrom(0)
        let count = room == min(FrameSlots.batch, size) ? room : roomFrom(head < size ? head : 0)
        return FrameSlots(bytes(first), stride: frames.stride, count: count)
    }

    private func roomFrom(_ place: Int) -> Int {
        first = place
        return socket.room(at: place..<place + min(FrameSlots.batch, size - place), frames)
    }

    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome {
        let places = first + range.lowerBound..<first + range.upperBound
        let outcome = try SendOutcome(socket.send(places, frames, &batch, isHelped: isHelped), interface: socket.interface.name)
        if case .sent(let count) = outcome {
            sent += count
            head = places.lowerBound + count
        }
        return outcome
    }

    /// Of what the interface has dropped, the share that this link's frames have in all that it was given meanwhile.
    func takeDrops() -> Int {
        guard let now = socket.readCounters() else { return 0 }
        defer { (sent, lastCounters) = (0, now) }
        guard sent > 0, let before = lastCounters, case let dropped = now.dropped - before.dropped, dropped > 0 else { return 0 }
        let given = max(now.sent - before.sent + dropped, sent)
        return min(sent, Int((Double(dropped) * Double(sent) / Double(given)).rounded(.up)))
    }
}
