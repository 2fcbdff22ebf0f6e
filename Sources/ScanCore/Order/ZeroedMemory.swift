extension UnsafeMutablePointer where Pointee: FixedWidthInteger {
    /// `count` zeros, to be deallocated.
    package static func zeros(_ count: Int) -> Self {
        let memory = allocate(capacity: count)
        memory.initialize(repeating: 0, count: count)
        return memory
    }
}
