import CLinux
import Glibc
import Synchronization
import SystemPackage

/// An AF_XDP socket, bound to a queue of an interface, and its transmit ring. One thread at a time.
final class XDPTransmitter: @unchecked Sendable {
    // Unchecked: whoever has the lock of the `XDPSocket` uses it, or whom that has asked meanwhile; `isBound` is atomic.
    private let socket: OwnedDescriptor
    private let ring: DescriptorRing
    /// Of the socket's queue, where that is another socket's, too, for both.
    let completion: CompletionRing
    private var queue: UInt32 = 0
    private let bound = Atomic<Bool>(true)
    private var frames = XDPSocket.Frames(slice: 0, stride: 0, length: 0)
    /// The entry that the kernel reads next, and the slice of its frame, if there is one.
    private var next: UInt32 = 0
    private var slice = -1
    /// Of the last `send`: which frames the kernel has taken, and how many entries it has read.
    private(set) var taken = 0..<0
    private(set) var read = 0
    /// Frames whose drop the kernel has told of, and which were offered again.
    private(set) var toldDrops = 0

    /// Entries of the ring; a power of two, and no less than a batch.
    private static let entries: UInt32 = 1024

    /// A socket that is to be bound to a queue of its own, or to that of `completion`. Throws what the kernel refuses.
    init(_ socket: consuming OwnedDescriptor, _ completion: CompletionRing? = nil) throws(Errno) {
        self.completion = if let completion { completion } else { try CompletionRing(socket.raw) }
        try Syscall.setOption(socket.raw, SOL_XDP, XDP_TX_RING, Self.entries)
        try Syscall.enlargeSendBuffer(socket.raw)
        // A whole batch with one call; kernels before 6.17 take 32 frames at a time.
        try? Syscall.setOption(socket.raw, SOL_XDP, Int32(CLINUX_XDP_MAX_TX_SKB_BUDGET), UInt32(FrameSlots.batch))
        ring = try DescriptorRing(
            socket.raw, Int(XDP_PGOFF_TX_RING), try Self.offsets(socket.raw).tx, Self.entries, entry: MemoryLayout<xdp_desc>.stride)
        self.socket = socket
    }

    static func offsets(_ descriptor: Int32) throws(Errno) -> xdp_mmap_offsets {
        var offsets = xdp_mmap_offsets()
        var length = socklen_t(MemoryLayout<xdp_mmap_offsets>.size)
        _ = try Syscall.retrying { getsockopt(descriptor, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &length) }
        return offsets
    }

    // MARK: - Queue

    /// A socket with the memory that `first` has registered, on a queue of its own where the interface has another, else on the same; nil where the
    /// kernel allows neither.
    static func beside(_ first: XDPTransmitter, _ interface: NetworkInterface) -> XDPTransmitter? {
        if let other = try? another(), case .some = try? other.bind(to: interface, after: first) { return other }
        guard let other = try? another(first.completion), case .some = try? other.bind(to: interface, with: first) else { return nil }
        return other
    }

    private static func another(_ completion: CompletionRing? = nil) throws(Errno) -> XDPTransmitter {
        try XDPTransmitter(try OwnedDescriptor(family: AF_XDP, type: SOCK_RAW, protocol: 0), completion)
    }

    /// Binds to the first queue that nobody has.
    func bind(to interface: NetworkInterface) throws(Errno) {
        var address = Self.address(interface)
        address.sxdp_flags = UInt16(XDP_COPY | XDP_USE_NEED_WAKEUP)
        try bindToFree(address, within: 1_000_000_000)
    }

    /// Binds to the first queue behind that of `first` that nobody has, with the same memory.
    private func bind(to interface: NetworkInterface, after first: XDPTransmitter) throws(Errno) {
        var address = Self.address(interface, sharing: first)
        address.sxdp_queue_id += 1
        try bindToFree(address, within: 200_000_000)
    }

    private func bind(to interface: NetworkInterface, with first: XDPTransmitter) throws(Errno) {
        try bind(Self.address(interface, sharing: first))
    }

    /// Binds to the first queue from that of `address` on that nobody has. One that has just been let go is free a moment later: tries for so many
    /// nanoseconds. Throws `resourceBusy` also for a queue by which nothing leaves.
    private func bindToFree(_ first: sockaddr_xdp, within time: Int64) throws(Errno) {
        let end = SteadyClock.nanoseconds() + time
        var address = first
        while true {
            do {
                try bind(address)
                break
            } catch .resourceBusy {
                guard SteadyClock.nanoseconds() < end else { throw .resourceBusy }
                address.sxdp_queue_id += 1
            } catch {
                // There is no such queue: begin anew.
                guard error == .invalidArgument, address.sxdp_queue_id > first.sxdp_queue_id else { throw error }
                address.sxdp_queue_id = first.sxdp_queue_id
                usleep(10_000)
            }
        }
        guard takesFrames() else { throw .resourceBusy }
    }

    private static func address(_ interface: NetworkInterface, sharing first: XDPTransmitter) -> sockaddr_xdp {
        var address = address(interface)
        address.sxdp_queue_id = first.queue
        address.sxdp_flags = UInt16(XDP_SHARED_UMEM)
        address.sxdp_shared_umem_fd = UInt32(bitPattern: first.socket.raw)
        return address
    }

    private static func address(_ interface: NetworkInterface) -> sockaddr_xdp {
        var address = sockaddr_xdp()
        address.sxdp_family = UInt16(AF_XDP)
        address.sxdp_ifindex = UInt32(interface.index)
        return address
    }

    private func bind(_ address: sockaddr_xdp) throws(Errno) {
        let descriptor = socket.raw
        _ = try Syscall.retrying { Syscall.withSocketAddress(address) { Glibc.bind(descriptor, $0, $1) } }
        queue = address.sxdp_queue_id
    }

    /// Whether the kernel reads what is put in the ring: it does not where an interface has fewer queues to send by than to receive. When that cannot
    /// be told, as the interface is down, yes. Before any frame is sent.
    private func takesFrames() -> Bool {
        ring.produced = next &+ 1
        return takeBack() || kick() == ENETDOWN
    }

    /// False once the kernel has let the interface go. Any thread.
    var isBound: Bool { bound.load(ordering: .relaxed) }

    // MARK: - Frames

    /// The next to be sent are `frames`.
    func begin(_ frames: XDPSocket.Frames) {
        self.frames = frames
        (taken, read) = (0..<0, 0)
    }

    /// Hands the frames at `places` to the kernel; how many it took from the front, or minus one with errno set.
    func send(_ places: Range<Int>) -> Int32 {
        // The rest of a link's frames is offered again: their entries are written anew. Those of another one, and more than now, must not leave.
        guard frames.slice == slice && places.count >= waiting || takeBack() else {
            errno = EAGAIN
            return -1
        }
        slice = frames.slice
        for index in 0..<places.count {
            entry(index).pointee = xdp_desc(
                addr: UInt64(frames.offset(places.lowerBound &+ index)), len: UInt32(truncatingIfNeeded: frames.length), options: 0)
        }
        ring.produced = next &+ UInt32(places.count)
        let start = next
        let (count, code) = push(places.count)
        read = Int(next &- start)
        taken = places.lowerBound..<places.lowerBound + count
        if count > 0 { return Int32(count) }
        errno = code
        return -1
    }

    /// Entries that the kernel has not taken.
    private var waiting: Int { Int(ring.produced &- next) }

    /// An entry behind those that the kernel has read.
    @inline(__always)
    private func entry(_ index: Int) -> UnsafeMutablePointer<xdp_desc> {
        ring.entry(next &+ UInt32(truncatingIfNeeded: index), as: xdp_desc.self)
    }

    /// Has the kernel take entries for as long as it takes some: how many frames it has taken, and why not more.
    private func push(_ count: Int) -> (taken: Int, code: Int32) {
        let start = next
        while true {
            let code = kick()
            let published = Int32(bitPattern: ring.consumed &- next)
            if published > 0 { next = next &+ UInt32(published) }
            if code == EBUSY {
                // The driver had no room, and the last frame that the kernel has taken is lost: it counts as not taken. When it was the only one, the
                // kernel has not published that it took it.
                toldDrops += 1
                if published <= 0 { next = next &+ 1 }
                return (max(0, Int(next &- start) - 1), code)
            }
            let taken = Int(next &- start)
            let isIdle = published <= 0 || ![0, EAGAIN, ENOBUFS].contains(code)
            if taken == count || isIdle { return (taken, code == 0 ? EAGAIN : code) }
        }
    }

    /// Makes the entries that the kernel has not taken void: it may know of them already, so that they cannot be taken out. It passes over one with
    /// each call, before Linux 6.6 over all. False when it does not.
    private func takeBack() -> Bool {
        let (end, count) = (ring.produced, waiting)
        guard count > 0 else { return true }
        for index in 0..<count { entry(index).pointee = xdp_desc(addr: .max, len: 0, options: 0) }
        for _ in 0...count + 2 where ring.consumed != end { _ = kick() }
        guard ring.consumed == end else { return false }
        next = end
        return true
    }

    /// errno, 0 when all went well.
    private func kick() -> Int32 {
        guard sendto(socket.raw, nil, 0, Int32(MSG_DONTWAIT), nil, 0) < 0 else { return 0 }
        let code = errno
        if code == ENXIO || code == ENODEV || code == EBADF { bound.store(false, ordering: .relaxed) }
        return code
    }
}
