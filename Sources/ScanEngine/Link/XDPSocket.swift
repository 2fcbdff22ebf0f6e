import CLinux
import Glibc
import Synchronization
import SystemPackage

/// The AF_XDP socket of an interface (Linux kernel, Documentation/networking/af_xdp.rst): copy mode, transmit only.
///
/// The kernel lets one socket have a queue of an interface, so the jobs share it: each link has a slice of the memory to make frames in, and
/// takes the lock once a batch. No program is loaded and the fill ring stays empty, so what the interface receives takes its usual way. Never in
/// zero-copy mode: that could take the queue's receive side from the host.
final class XDPSocket: Sendable {
    let interface: NetworkInterface
    private let socket: OwnedDescriptor
    private let memory: MappedMemory
    private let state: Mutex<State>
    /// False once the kernel has let the interface go.
    private let isBound = Atomic<Bool>(true)

    /// Bytes of a link's slice of the memory.
    static let sliceSize = 1 << 16
    private static let slices = 16
    /// Which frames are under way is noted by blocks of so many bytes.
    private static let block = 64
    private static let blocks = slices * sliceSize / block
    /// Entries of the transmit ring; a power of two, and no less than a batch.
    private static let entries: UInt32 = 1024
    /// Entries of the completion ring, likewise. The kernel takes no frame that it has no room to tell of; a ring for all of the memory would be
    /// 128 KiB that are gone through again and again.
    private static let completions: UInt32 = 2048
    /// The smallest that the kernel takes; frames may lie anywhere in a chunk.
    private static let chunkSize: UInt32 = 2048

    private struct State: ~Copyable {
        let transmit: DescriptorRing
        let completion: DescriptorRing
        var netlink: Netlink
        let underWay = FramesUnderWay(blocks: XDPSocket.blocks)
        /// How many frames the kernel has taken and not told of again; more, where it has forgotten to tell of one.
        var untold = 0
        var isTaken = [Bool](repeating: false, count: XDPSocket.slices)
        /// What a frame takes of each slice, in bytes, also of one that has just been given back.
        var strides = [Int](repeating: XDPSocket.block, count: XDPSocket.slices)
        /// The entry that the kernel reads next, and whose frame it is, if there is one.
        var next: UInt32 = 0
        var slice = -1
        /// Frames whose drop the kernel has told of, and which were offered again.
        var toldDrops = 0

        init(_ transmit: consuming DescriptorRing, _ completion: consuming DescriptorRing, _ netlink: consuming Netlink) {
            self.transmit = transmit
            self.completion = completion
            self.netlink = netlink
        }

        /// Entries that the kernel has not taken.
        var waiting: Int { Int(transmit.produced &- next) }
    }

    /// Throws what the kernel refuses: a kernel without AF_XDP, no privilege, too little memory that may be locked, a queue that another program
    /// has.
    init(_ interface: NetworkInterface) throws(EngineError) {
        self.interface = interface
        let netlink = try Netlink()
        do {
            socket = try OwnedDescriptor(family: AF_XDP, type: SOCK_RAW, protocol: 0)
            memory = try MappedMemory(anonymous: Self.slices * Self.sliceSize)
            let descriptor = socket.raw
            try Self.register(memory, descriptor)
            let offsets = try Self.offsets(descriptor)
            let transmit = try DescriptorRing(
                descriptor, Int(XDP_PGOFF_TX_RING), offsets.tx, Self.entries, entry: MemoryLayout<xdp_desc>.stride)
            let completion = try DescriptorRing(
                descriptor, Int(XDP_UMEM_PGOFF_COMPLETION_RING), offsets.cr, Self.completions, entry: MemoryLayout<UInt64>.stride)
            try Self.bind(descriptor, to: interface)
            state = Mutex(State(transmit, completion, netlink))
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
        // The kernel insists on a fill ring, though nothing will be received.
        try Syscall.setOption(descriptor, SOL_XDP, XDP_UMEM_FILL_RING, UInt32(64))
        try Syscall.setOption(descriptor, SOL_XDP, XDP_UMEM_COMPLETION_RING, completions)
        try Syscall.setOption(descriptor, SOL_XDP, XDP_TX_RING, entries)
        try Syscall.enlargeSendBuffer(descriptor)
        // A whole batch with one call; kernels before 6.17 take 32 frames at a time.
        try? Syscall.setOption(descriptor, SOL_XDP, Int32(CLINUX_XDP_MAX_TX_SKB_BUDGET), UInt32(FrameSlots.batch))
    }

    private static func offsets(_ descriptor: Int32) throws(Errno) -> xdp_mmap_offsets {
        var offsets = xdp_mmap_offsets()
        var length = socklen_t(MemoryLayout<xdp_mmap_offsets>.size)
        _ = try Syscall.retrying { getsockopt(descriptor, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length) }
        return offsets
    }

    /// Binds to the first queue that nobody has. One that has just been let go is free a moment later.
    private static func bind(_ descriptor: Int32, to interface: NetworkInterface) throws(Errno) {
        var address = sockaddr_xdp()
        address.sxdp_family = UInt16(AF_XDP)
        address.sxdp_ifindex = UInt32(interface.index)
        address.sxdp_flags = UInt16(XDP_COPY | XDP_USE_NEED_WAKEUP)
        let end = SteadyClock.nanoseconds() + 1_000_000_000
        while true {
            do {
                let queue = address
                _ = try Syscall.retrying { Syscall.withSocketAddress(queue) { Glibc.bind(descriptor, $0, $1) } }
                return
            } catch .resourceBusy {
                guard SteadyClock.nanoseconds() < end else { throw .resourceBusy }
                address.sxdp_queue_id += 1
            } catch {
                // There is no such queue: begin anew.
                guard error == .invalidArgument, address.sxdp_queue_id > 0 else { throw error }
                address.sxdp_queue_id = 0
                usleep(10_000)
            }
        }
    }

    /// Whether frames can be sent. Any thread.
    var works: Bool { isBound.load(ordering: .relaxed) }

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

    /// Frames of a link: those in the places `first ..< first + count` of its slice.
    struct Run {
        var slice: Int
        var stride: Int
        var first: Int
        var count: Int

        /// Where frame `index` begins in the memory.
        @inline(__always)
        func offset(_ index: Int) -> Int {
            slice &* XDPSocket.sliceSize &+ (first &+ index) &* stride
        }

        /// What frames `range` take of the memory.
        fileprivate func blocks(_ range: Range<Int>) -> Range<Int> {
            offset(range.lowerBound) / XDPSocket.block..<offset(range.upperBound) / XDPSocket.block
        }
    }

    /// How many frames of the run, from its beginning, the kernel does not need any more.
    func room(for run: Run) -> Int {
        state.withLock { state in
            Self.drainCompletions(&state)
            let blocks = run.blocks(0..<run.count)
            return (state.underWay.first(in: blocks) - blocks.lowerBound) * Self.block / run.stride
        }
    }

    /// Hands the run's frames of `length` bytes each to the kernel; how many it took, or minus one with errno set.
    func send(_ run: Run, length: Int) -> Int32 {
        state.withLock { state in
            // A frame that is dropped is told of, too, and while the interface takes nothing each attempt drops one: the ring must not fill up.
            Self.drainCompletions(&state)
            // The same link offers the rest of its frames again: their entries are written anew. Those of another one must not leave any more.
            guard run.slice == state.slice && run.count >= state.waiting || takeBack(&state) else {
                errno = EAGAIN
                return -1
            }
            for index in 0..<run.count {
                state.transmit.entry(state.next &+ UInt32(truncatingIfNeeded: index), as: xdp_desc.self).pointee = xdp_desc(
                    addr: UInt64(run.offset(index)), len: UInt32(length), options: 0)
            }
            state.underWay.insert(run.blocks(0..<run.count))
            state.slice = run.slice
            state.transmit.produced = state.next &+ UInt32(run.count)
            let start = state.next
            let (taken, code) = push(&state, run.count)
            state.untold += Int(state.next &- start)
            state.underWay.remove(run.blocks(taken..<run.count))
            if taken > 0 { return Int32(taken) }
            errno = code
            return -1
        }
    }

    /// Has the kernel take entries for as long as it takes some: how many frames it has taken, and why not more.
    private func push(_ state: inout State, _ count: Int) -> (taken: Int, code: Int32) {
        let start = state.next
        while true {
            let code = kick()
            let published = Int32(bitPattern: state.transmit.consumed &- state.next)
            if published > 0 { state.next = state.next &+ UInt32(published) }
            if code == EBUSY {
                // The driver had no room, and the last frame that the kernel has taken is lost: it counts as not taken. When it was the only one, the
                // kernel has not published that it took it.
                state.toldDrops += 1
                if published <= 0 { state.next = state.next &+ 1 }
                return (max(0, Int(state.next &- start) - 1), code)
            }
            let taken = Int(state.next &- start)
            let isIdle = published <= 0 || ![0, EAGAIN, ENOBUFS].contains(code)
            if taken == count || isIdle { return (taken, code == 0 ? EAGAIN : code) }
        }
    }

    /// Makes the entries that the kernel has not taken void: it may know of them already, so that they cannot be taken out. It passes over one with
    /// each call, before Linux 6.6 over all. False when it does not.
    private func takeBack(_ state: inout State) -> Bool {
        let end = state.transmit.produced
        for index in 0..<UInt32(state.waiting) {
            state.transmit.entry(state.next &+ index, as: xdp_desc.self).pointee = xdp_desc(addr: .max, len: 0, options: 0)
        }
        for _ in 0...state.waiting + 2 where state.transmit.consumed != end { _ = kick() }
        guard state.transmit.consumed == end else { return false }
        state.next = end
        return true
    }

    /// errno, 0 when all went well.
    private func kick() -> Int32 {
        guard sendto(socket.raw, nil, 0, Int32(MSG_DONTWAIT), nil, 0) < 0 else { return 0 }
        let code = errno
        if code == ENXIO || code == ENODEV || code == EBADF { isBound.store(false, ordering: .relaxed) }
        return code
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
            counters.dropped -= state.toldDrops
            return counters
        }
    }
}
