import CLinux
import Glibc
import Synchronization
import SystemPackage

/// The AF_XDP sockets of an interface (Linux kernel, Documentation/networking/af_xdp.rst): copy mode, transmit only.
///
/// The kernel lets one memory have a queue of an interface, so the jobs share it: each link has a slice of it to make frames in, and takes the lock
/// once a batch. A second socket with the same memory lets a second thread help with large batches. No program is loaded and the fill ring stays
/// empty, so what the interface receives takes its usual way. Never in zero-copy mode: that could take the queue's receive side from the host.
final class XDPSocket: Sendable {
    let interface: NetworkInterface
    private let memory: MappedMemory
    private let state: Mutex<State>
    private let transmitter: XDPTransmitter
    /// The helper and the socket that it sends by; used under the lock.
    private let second: (transmitter: XDPTransmitter, helper: SendHelper)?

    /// Bytes of a link's slice of the memory.
    static let sliceSize = 1 << 16
    private static let slices = 16
    /// Which frames are under way is noted by blocks of so many bytes.
    private static let block = 64
    private static let blocks = slices * sliceSize / block
    /// Entries of the completion ring, a power of two. The kernel takes no frame that it has no room to tell of; a ring for all of the memory would be
    /// 128 KiB that are gone through again and again.
    private static let completions: UInt32 = 2048
    /// The smallest that the kernel takes; frames may lie anywhere in a chunk.
    private static let chunkSize: UInt32 = 2048

    private struct State: ~Copyable {
        let completion: DescriptorRing
        var netlink: Netlink
        let underWay = FramesUnderWay(blocks: XDPSocket.blocks)
        /// How many frames the kernel has taken and not told of again; more, where it has forgotten to tell of one.
        var untold = 0
        var isTaken = [Bool](repeating: false, count: XDPSocket.slices)
        /// What a frame takes of each slice, in bytes, also of one that has just been given back.
        var strides = [Int](repeating: XDPSocket.block, count: XDPSocket.slices)

        init(_ completion: consuming DescriptorRing, _ netlink: consuming Netlink) {
            self.completion = completion
            self.netlink = netlink
        }
    }

    /// Throws what the kernel refuses: a kernel without AF_XDP, no privilege, too little memory that may be locked, a queue that another program
    /// has.
    init(_ interface: NetworkInterface) throws(EngineError) {
        self.interface = interface
        let netlink = try Netlink()
        do {
            let memory = try MappedMemory(anonymous: Self.slices * Self.sliceSize)
            let socket = try OwnedDescriptor(family: AF_XDP, type: SOCK_RAW, protocol: 0)
            try Self.register(memory, socket.raw)
            let completion = try DescriptorRing(
                socket.raw, Int(XDP_UMEM_PGOFF_COMPLETION_RING), try XDPTransmitter.offsets(socket.raw).cr, Self.completions,
                entry: MemoryLayout<UInt64>.stride)
            state = Mutex(State(completion, netlink))
            transmitter = try XDPTransmitter(socket)
            self.memory = memory
            let queue = try transmitter.bind(to: interface)
            second = Self.second(transmitter, interface, queue)
        } catch {
            throw EngineError("AF_XDP on \(interface.name)", error)
        }
    }

    /// Nil where the kernel lets no second socket have the memory, or no thread is to be had: one thread does it, too.
    private static func second(
        _ first: XDPTransmitter, _ interface: NetworkInterface, _ queue: UInt32
    ) -> (transmitter: XDPTransmitter, helper: SendHelper)? {
        guard let socket = try? OwnedDescriptor(family: AF_XDP, type: SOCK_RAW, protocol: 0), let transmitter = try? XDPTransmitter(socket),
            case .some = try? transmitter.bind(to: interface, queue, sharing: first),
            let helper = try? SendHelper({ transmitter.send($0) })
        else { return nil }
        return (transmitter, helper)
    }

    private static func register(_ memory: borrowing MappedMemory, _ descriptor: Int32) throws(Errno) {
        var region = xdp_umem_reg()
        region.addr = UInt64(UInt(bitPattern: memory.start))
        region.len = UInt64(memory.count)
        region.chunk_size = chunkSize
        try Syscall.setOption(descriptor, SOL_XDP, XDP_UMEM_REG, region)
        // The kernel insists on a fill ring, though nothing will be received.
        try Syscall.setOption(descriptor, SOL_XDP, XDP_UMEM_FILL_RING, UInt32(64))
        try Syscall.setOption(descriptor, SOL_XDP, XDP_UMEM_COMPLETION_RING, completions)
    }

    /// Whether frames can be sent. Any thread.
    var works: Bool { transmitter.isBound && second?.transmitter.isBound ?? true }

    /// Whether a link has a slice. Any thread.
    var isUsed: Bool { state.withLock { $0.isTaken.contains(true) } }

    // MARK: - Slices

    /// A slice of the memory that nobody has, and none of whose frames is under way, for frames that take `stride` bytes of it, a power of two;
    /// nil when there is none. Any thread.
    func takeSlice(stride: Int) -> Int? {
        state.withLock { state in
            Self.drainCompletions(&state)
            let perSlice = Self.sliceSize / Self.block
            let free = (0..<Self.slices).first { slice in
                let blocks = slice * perSlice..<(slice + 1) * perSlice
                return !state.isTaken[slice] && state.underWay.first(in: blocks) == blocks.upperBound
            }
            if let free { (state.isTaken[free], state.strides[free]) = (true, stride) }
            return free
        }
    }

    func giveSlice(_ slice: Int) {
        state.withLock { $0.isTaken[slice] = false }
    }

    func bytes(of slice: Int) -> UnsafeMutableRawPointer { memory.start + slice * Self.sliceSize }

    // MARK: - Frames

    /// Frames of a link: `length` bytes each, in places `stride` bytes apart of its slice.
    struct Frames {
        var slice: Int
        var stride: Int
        var length: Int

        /// Where the frame at `place` begins in the memory.
        @inline(__always)
        func offset(_ place: Int) -> Int { slice &* XDPSocket.sliceSize &+ place &* stride }

        /// What the frames at `places` take of the memory.
        fileprivate func blocks(_ places: Range<Int>) -> Range<Int> {
            offset(places.lowerBound) / XDPSocket.block..<offset(places.upperBound) / XDPSocket.block
        }
    }

    /// How many of the frames at `places`, from the first, the kernel does not need any more.
    func room(at places: Range<Int>, _ frames: Frames) -> Int {
        state.withLock { state in
            Self.drainCompletions(&state)
            let blocks = frames.blocks(places)
            return (state.underWay.first(in: blocks) - blocks.lowerBound) * Self.block / frames.stride
        }
    }

    /// Hands the frames at `places`, a batch or the rest of one, to the kernel; how many it took from the front, or minus one with errno set.
    /// `isHelped`: the helper may have half of them.
    func send(_ places: Range<Int>, _ frames: Frames, _ batch: inout SharedBatch, isHelped: Bool) -> Int32 {
        state.withLock { state in
            // A frame that is dropped is told of, too, and while the interface takes nothing each attempt drops one: the ring must not fill up.
            Self.drainCompletions(&state)
            transmitter.begin(frames)
            second?.transmitter.begin(frames)
            let sent = batch.send(places, from: SendHelper.half(of: places), by: isHelped ? second?.helper : nil, own: transmitter.send)
            let code = errno
            Self.note(transmitter, frames, &state)
            if let second { Self.note(second.transmitter, frames, &state) }
            errno = code
            return sent
        }
    }

    /// Notes what the kernel has taken of a batch.
    private static func note(_ transmitter: XDPTransmitter, _ frames: Frames, _ state: inout State) {
        state.untold += transmitter.read
        state.underWay.insert(frames.blocks(transmitter.taken))
    }

    private static func drainCompletions(_ state: inout State) {
        let (start, end) = (state.completion.consumed, state.completion.produced)
        guard start != end else { return }
        state.untold -= Int(end &- start)
        if state.untold == 0 {
            state.underWay.removeAll()
        } else {
            var next = start
            while next != end {
                note(completed: state.completion.entry(next, as: UInt64.self).pointee, &state)
                next &+= 1
            }
        }
        state.completion.consumed = end
    }

    private static func note(completed address: UInt64, _ state: inout State) {
        guard let offset = Int(exactly: address), offset < slices * sliceSize else { return }
        let first = offset / block
        state.underWay.remove(first..<first + state.strides[offset / sliceSize] / block)
    }

    // MARK: - Drops

    /// What the interface has sent, and dropped without a word. Completion is not delivery: some drivers whose ring is full say nothing else. Nil
    /// where the kernel does not tell.
    func readCounters() -> NetworkInterface.TransmitCounters? {
        state.withLock { state in
            guard var counters = interface.transmitCounters(&state.netlink) else { return nil }
            counters.dropped -= transmitter.toldDrops + (second?.transmitter.toldDrops ?? 0)
            return counters
        }
    }
}
