import CLinux
import Glibc
import SystemPackage

/// The ring in which the kernel tells which frames of an AF_XDP queue it does not need any more. One thread at a time.
final class CompletionRing {
    private let ring: DescriptorRing
    /// How far it has been looked.
    private var seen: UInt32 = 0
    /// How many frames the kernel has taken and not told of again; more, where it has forgotten to tell of one.
    private(set) var untold = 0

    /// Entries, a power of two. The kernel takes no frame that it has no room to tell of; a ring for all of the memory would be 128 KiB that are gone
    /// through again and again.
    private static let entries: UInt32 = 2048

    /// For a socket that is to have a queue, before it is bound; throws what the kernel refuses.
    init(_ socket: Int32) throws(Errno) {
        // The kernel insists on a fill ring, though nothing will be received.
        try Syscall.setOption(socket, SOL_XDP, XDP_UMEM_FILL_RING, UInt32(64))
        try Syscall.setOption(socket, SOL_XDP, XDP_UMEM_COMPLETION_RING, Self.entries)
        ring = try DescriptorRing(
            socket, Int(XDP_UMEM_PGOFF_COMPLETION_RING), try XDPTransmitter.offsets(socket).cr, Self.entries,
            entry: MemoryLayout<UInt64>.stride)
    }

    /// The kernel has taken so many frames.
    func expect(_ count: Int) { untold += count }

    /// Looks what has been told of since the last `release`; how many frames.
    func look() -> Int {
        let before = seen
        seen = ring.produced
        let told = Int(seen &- before)
        untold -= told
        return told
    }

    /// Where in the memory the frames begin that have been told of.
    @inline(__always)
    func forEachTold(_ body: (UInt64) -> Void) {
        var next = ring.consumed
        while next != seen {
            body(ring.entry(next, as: UInt64.self).pointee)
            next &+= 1
        }
    }

    /// The kernel may write over what has been told of.
    func release() { ring.consumed = seen }
}
