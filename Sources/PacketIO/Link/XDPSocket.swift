import CLinux
import Glibc
import ScanCore
import Synchronization
import SystemPackage

/// The AF_XDP sockets of an interface (Linux kernel, Documentation/networking/af_xdp.rst): copy mode, transmit only.
///
/// The kernel lets one memory have a queue of an interface, so the jobs share it: each link has a slice of it to make frames in, and takes the lock
/// once a batch. A second socket with the same memory lets a second thread help with large batches; it has a queue of its own where the interface has
/// another, since two threads in one queue can hinder each other. No program is loaded and the fill rings stay empty, so what the interface receives
/// takes its usual way. Never in zero-copy mode: that could take the queue's receive side from the host.
final class XDPSocket: Sendable {
    let interface: NetworkInterface
    private let memory: MappedMemory
    private let state: Mutex<State>
    private let first: XDPTransmitter

    /// Bytes of a link's slice of the memory.
    static let sliceSize = 1 << 16
    private static let slices = 16
    /// Which frames are under way is noted by blocks of so many bytes.
    private static let block = 64
    private static let blocks = slices * sliceSize / block
    /// The smallest that the kernel takes; frames may lie anywhere in a chunk.
    private static let chunkSize: UInt32 = 2048

    private struct State: ~Copyable {
        /// Of each queue.
        var completions: [CompletionRing]
        /// The socket that the helper sends by, and the helper.
        var second: (transmitter: XDPTransmitter, helper: SendHelper)?
        var netlink: Netlink
        let underWay = FramesUnderWay(blocks: XDPSocket.blocks)
        var isTaken = [Bool](repeating: false, count: XDPSocket.slices)
        /// What a frame takes of each slice, in bytes, also of one that has just been given back.
        var strides = [Int](repeating: XDPSocket.block, count: XDPSocket.slices)

        init(_ completion: CompletionRing, _ netlink: consuming Netlink) {
            completions = [completion]
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
            first = try XDPTransmitter(socket)
            try first.bind(to: interface)
            state = Mutex(State(first.completion, netlink))
            self.memory = memory
        } catch {
            throw EngineError("AF_XDP on \(interface.name)", error)
        }
    }

    private static func register(_ memory: borrowing MappedMemory, _ descriptor: Int32) throws(Errno) {
        var region = xdp_umem_reg()
        region.addr = UInt64(UInt(bitPattern: memory.start))
        region.len = UInt64(memory.count)
        region.chunk_size = chunkSize
        try Syscall.setOption(descriptor, SOL_XDP, XDP_UMEM_REG, region)
    }

    /// Whether frames can be sent. Any thread.
    var works: Bool { first.isBound && state.withLock { $0.second?.transmitter.isBound ?? true } }

    /// Has a second thread help with large batches from now on; where the kernel allows no second socket, or no thread, the first does it alone. Any
    /// thread.
    func addHelper() {
        state.withLock { state in
            guard state.second == nil, let transmitter = XDPTransmitter.beside(first, interface),
                let helper = try? SendHelper({ transmitter.send($0) })
            else { return }
            state.second = (transmitter, helper)
            if transmitter.completion !== first.completion { state.completions.append(transmitter.completion) }
        }
    }

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
    /// `isHelped`: the helper, if there is one, may have half of them.
    func send(_ places: Range<Int>, _ frames: Frames, _ batch: inout SharedBatch, isHelped: Bool) -> Int32 {
        state.withLock { state in
            // A frame that is dropped is told of, too, and while the interface takes nothing each attempt drops one: the ring must not fill up.
            Self.drainCompletions(&state)
            first.begin(frames)
            state.second?.transmitter.begin(frames)
            let sent = batch.send(places, from: SendHelper.half(of: places), by: isHelped ? state.second?.helper : nil, own: first.send)
            let code = errno
            Self.note(first, frames, &state)
            if let second = state.second { Self.note(second.transmitter, frames, &state) }
            errno = code
            return sent
        }
    }

    /// Notes what the kernel has taken of a batch.
    private static func note(_ transmitter: XDPTransmitter, _ frames: Frames, _ state: inout State) {
        transmitter.completion.expect(transmitter.read)
        state.underWay.insert(frames.blocks(transmitter.taken))
    }

    private static func drainCompletions(_ state: inout State) {
        let told = state.completions.reduce(0) { $0 + $1.look() }
        guard told > 0 else { return }
        if state.completions.allSatisfy({ $0.untold == 0 }) {
            state.underWay.removeAll()
        } else {
            for ring in state.completions {
                ring.forEachTold { note(completed: $0, &state) }
            }
        }
        for ring in state.completions { ring.release() }
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
            counters.dropped -= first.toldDrops + (state.second?.transmitter.toldDrops ?? 0)
            return counters
        }
    }
}
