import Glibc

/// One path's share of an interface's AF_XDP socket: a slice of its memory, in which the frames are made in place.
final class XDPLink: ProbeLink {
    private let socket: XDPSocket
    private let slice: Int
    private let stride: Int
    private let length: Int
    /// Where the next frame goes, and where frame 0 of the slots is.
    private var head = 0
    private var first = 0
    /// What this link has sent since the interface's counters were read last, and what they were then.
    private var sent = 0
    private var lastCounters: NetworkInterface.TransmitCounters?

    /// Throws when every slice is in use.
    init(_ socket: XDPSocket, template: SynTemplate) throws(EngineError) {
        length = template.bytes.count
        stride = FrameSlots.stride(for: length)
        guard let slice = socket.takeSlice(stride: stride) else {
            throw EngineError(.device, "AF_XDP on \(socket.interface.name): its memory is in use by other jobs")
        }
        self.socket = socket
        self.slice = slice
        for index in 0..<size {
            (socket.bytes(of: slice) + index * stride).copyMemory(from: template.bytes, byteCount: length)
        }
        lastCounters = socket.readCounters()
    }

    deinit {
        socket.giveSlice(slice)
    }

    /// Frames of the slice.
    private var size: Int { XDPSocket.sliceSize / stride }

    func slots() -> FrameSlots {
        // Where the kernel is done with it, the same memory again, since that is still in the cache; else what has been used least recently.
        let room = roomFrom(0)
        let count = room == min(FrameSlots.batch, size) ? room : roomFrom(head < size ? head : 0)
        return FrameSlots(socket.bytes(of: slice) + first * stride, stride: stride, count: count)
    }

    private func roomFrom(_ place: Int) -> Int {
        first = place
        return socket.room(for: run(0..<min(FrameSlots.batch, size - place)))
    }

    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome {
        let outcome = try SendOutcome(socket.send(run(range), length: length), interface: socket.interface.name)
        if case .sent(let count) = outcome {
            sent += count
            head = first + range.lowerBound + count
        }
        return outcome
    }

    private func run(_ range: Range<Int>) -> XDPSocket.Run {
        XDPSocket.Run(slice: slice, stride: stride, first: first + range.lowerBound, count: range.count)
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
