import Glibc

extension UnsafeMutablePointer where Pointee: FixedWidthInteger {
    /// `count` zeros, to be freed with free(3). Pages that nothing is written to take no memory.
    static func zeros(_ count: Int) -> Self {
        guard let memory = calloc(count, MemoryLayout<Pointee>.stride) else {
            // There is no memory; the usual way to say so.
            let pointer = allocate(capacity: count)
            pointer.initialize(repeating: 0, count: count)
            return pointer
        }
        return memory.bindMemory(to: Pointee.self, capacity: count)
    }
}
