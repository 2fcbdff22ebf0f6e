import CLinux
import Glibc

/// Frames for one sendmmsg(2) call: copies of a template in one block of memory, with the headers that the call wants.
///
/// One thread at a time.
final class FrameBatch {
    private static let capacity = FrameSlots.batch

    private let memory: UnsafeMutableRawPointer
    private let stride: Int
    private let headers: UnsafeMutablePointer<clinux_mmsghdr>
    private let vectors: UnsafeMutablePointer<iovec>

    init(template: [UInt8]) {
        stride = FrameSlots.stride(for: template.count)
        memory = .allocate(byteCount: stride * Self.capacity, alignment: 64)
        headers = .allocate(capacity: Self.capacity)
        vectors = .allocate(capacity: Self.capacity)
        headers.initialize(repeating: clinux_mmsghdr(), count: Self.capacity)
        for index in 0..<Self.capacity {
            slots[index].copyMemory(from: template, byteCount: template.count)
            (vectors + index).initialize(to: iovec(iov_base: slots[index], iov_len: template.count))
            headers[index].header.msg_iov = vectors + index
            headers[index].header.msg_iovlen = 1
        }
    }

    deinit {
        memory.deallocate()
        headers.deallocate()
        vectors.deallocate()
    }

    var slots: FrameSlots { FrameSlots(memory, stride: stride, count: Self.capacity) }

    /// Gives frame `index` a destination of its own; `address` outlives the batch.
    func setDestination(of index: Int, _ address: UnsafeMutableRawPointer, length: Int) {
        headers[index].header.msg_name = address
        headers[index].header.msg_namelen = socklen_t(length)
    }

    /// Hands frames `range` to the kernel without blocking; how many it took, or minus one with errno set.
    func send(_ range: Range<Int>, on socket: Int32) -> Int32 {
        clinux_sendmmsg(socket, headers + range.lowerBound, UInt32(range.count), Int32(MSG_DONTWAIT))
    }
}
