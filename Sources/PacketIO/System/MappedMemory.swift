import Glibc
import Synchronization
import SystemPackage

/// Memory from mmap(2) with one owner, unmapped when the owner goes.
struct MappedMemory: ~Copyable, @unchecked Sendable {
    // Unchecked: the pointer never changes; who reads and writes what it points to is the owner's business.
    let start: UnsafeMutableRawPointer
    let count: Int

    /// `count` zero bytes of the process's own, in place from the start.
    init(anonymous count: Int) throws(Errno) {
        try self.init(count, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)
    }

    /// `count` bytes that the kernel shares through `descriptor`, from `offset` on.
    init(shared count: Int, _ descriptor: Int32, at offset: Int) throws(Errno) {
        try self.init(count, MAP_SHARED | MAP_POPULATE, descriptor, offset)
    }

    /// Has the kernel share `range`, whole pages, through `descriptor`: its first bytes.
    func share(_ range: Range<Int>, through descriptor: Int32) throws(Errno) {
        let flags = MAP_SHARED | MAP_POPULATE | MAP_FIXED
        guard mmap(start + range.lowerBound, range.count, PROT_READ | PROT_WRITE, flags, descriptor, 0) != MAP_FAILED else {
            throw Errno(rawValue: errno)
        }
    }

    private init(_ count: Int, _ flags: Int32, _ descriptor: Int32, _ offset: Int) throws(Errno) {
        guard let start = mmap(nil, count, PROT_READ | PROT_WRITE, flags, descriptor, offset), start != MAP_FAILED else {
            throw Errno(rawValue: errno)
        }
        self.start = start
        self.count = count
    }

    deinit {
        munmap(start, count)
    }
}

extension UnsafeMutableRawPointer {
    /// A word that the kernel reads and writes, too.
    @inline(__always)
    func sharedWord(at offset: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        (self + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
    }
}
