import CLinux
import Synchronization
import SystemPackage

/// One of an AF_XDP socket's rings: entries between a producer's and a consumer's count, one of them the kernel's.
struct DescriptorRing: ~Copyable {
    private let memory: MappedMemory
    private let offsets: xdp_ring_offset
    /// A power of two.
    let size: UInt32

    init(_ socket: Int32, _ page: Int, _ offsets: xdp_ring_offset, _ size: UInt32, entry: Int) throws(Errno) {
        memory = try MappedMemory(shared: Int(offsets.desc) + Int(size) * entry, socket, at: page)
        self.offsets = offsets
        self.size = size
    }

    /// How many entries have been put in, and taken out, since the beginning; both wrap around.
    var produced: UInt32 {
        get { memory.start.sharedWord(at: Int(offsets.producer)).pointee.load(ordering: .acquiring) }
        nonmutating set { memory.start.sharedWord(at: Int(offsets.producer)).pointee.store(newValue, ordering: .releasing) }
    }

    var consumed: UInt32 {
        get { memory.start.sharedWord(at: Int(offsets.consumer)).pointee.load(ordering: .acquiring) }
        nonmutating set { memory.start.sharedWord(at: Int(offsets.consumer)).pointee.store(newValue, ordering: .releasing) }
    }

    /// The entry with this count; `Entry` must be what the ring holds.
    @inline(__always)
    func entry<Entry: BitwiseCopyable>(_ count: UInt32, as type: Entry.Type) -> UnsafeMutablePointer<Entry> {
        (memory.start + Int(offsets.desc)).assumingMemoryBound(to: type) + Int(count & (size - 1))
    }
}
