/// Where the next frames are made: places of the same size one behind the other, each with a copy of the path's template in it.
package struct FrameSlots: BitwiseCopyable {
    private let memory: UnsafeMutableRawPointer
    /// From one frame to the next, in bytes.
    package let stride: Int
    /// How many frames there is room for.
    package let count: Int

    package init(_ memory: UnsafeMutableRawPointer, stride: Int, count: Int) {
        self.memory = memory
        self.stride = stride
        self.count = count
    }

    /// The bytes of frame `index`, 0 ..< count.
    @inline(__always)
    package subscript(_ index: Int) -> UnsafeMutableRawPointer {
        memory + index &* stride
    }

    /// So many frames are made at most before they are sent; a power of two. What each batch costs besides its frames (a system call, the turn that
    /// others get, the clock) is some microseconds: half as many made a frame 2 to 4 % dearer.
    package static let batch = 1024

    /// So many bytes are kept for a frame of `count` bytes: whole cache lines, so that two frames never share one, and a power of two, so that any
    /// number of them fills a page.
    package static func stride(for count: Int) -> Int { 1 << (Int.bitWidth - (max(count, 64) - 1).leadingZeroBitCount) }
}
