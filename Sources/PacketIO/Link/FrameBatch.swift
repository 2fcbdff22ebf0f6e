import CLinux
import Glibc

/// Frames in one block of memory, copies of a template: for sendmmsg(2), and for links that send nothing.
///
/// One thread at a time makes them; several may send different ones.
package final class FrameBatch: @unchecked Sendable {
    // Unchecked: the pointers never change; who makes and sends which frames is the links' business.
    private let memory: UnsafeMutableRawPointer
    private let stride: Int
    let length: Int

    package init(template: [UInt8]) {
        stride = FrameSlots.stride(for: template.count)
        length = template.count
        memory = .allocate(byteCount: stride * FrameSlots.batch, alignment: 64)
        for index in 0..<FrameSlots.batch { slots[index].copyMemory(from: template, byteCount: template.count) }
    }

    deinit {
        memory.deallocate()
    }

    package var slots: FrameSlots { FrameSlots(memory, stride: stride, count: FrameSlots.batch) }
}

/// The headers that sendmmsg(2) wants for frames of a batch. One thread at a time.
final class MessageHeaders: @unchecked Sendable {
    // Unchecked: one thread uses them.
    /// Headers are for so many frames, and used again: those of a whole batch take more than the first cache.
    private static let most = 64

    private let frames: FrameBatch
    private let headers: UnsafeMutablePointer<clinux_mmsghdr>
    private let vectors: UnsafeMutablePointer<iovec>
    private let destinations: Destinations?
    /// What goes with each packet for the kernel alone.
    private let control: UnsafeMutableRawBufferPointer?

    /// The frames' destinations as the kernel wants them, one behind the other; they outlive the headers.
    struct Destinations {
        var memory: UnsafeMutableRawPointer
        var stride: Int
        /// In bytes, of each.
        var length: Int
    }

    /// `tellsProtocol`: the kernel is told that packets to IPv4 destinations are TCP.
    init(_ frames: FrameBatch, _ destinations: Destinations? = nil, tellsProtocol: Bool = false) {
        self.frames = frames
        self.destinations = destinations
        control = tellsProtocol ? Self.protocolMessage() : nil
        headers = .allocate(capacity: Self.most)
        vectors = .allocate(capacity: Self.most)
        headers.initialize(repeating: clinux_mmsghdr(), count: Self.most)
        for index in 0..<Self.most {
            (vectors + index).initialize(to: iovec(iov_base: frames.slots[0], iov_len: frames.length))
            headers[index].header.msg_iov = vectors + index
            headers[index].header.msg_iovlen = 1
            headers[index].header.msg_namelen = socklen_t(destinations?.length ?? 0)
            headers[index].header.msg_control = control?.baseAddress
            headers[index].header.msg_controllen = control?.count ?? 0
        }
    }

    /// A struct cmsghdr and a number (ip(7), IP_PROTOCOL), whole words.
    private static func protocolMessage() -> UnsafeMutableRawBufferPointer {
        let header = MemoryLayout<cmsghdr>.size
        let message = UnsafeMutableRawBufferPointer.allocate(byteCount: header + 8, alignment: 8)
        message.initializeMemory(as: UInt8.self, repeating: 0)
        var head = cmsghdr()
        (head.cmsg_len, head.cmsg_level, head.cmsg_type) = (header + 4, Int32(IPPROTO_IP), Int32(CLINUX_IP_PROTOCOL))
        message.storeBytes(of: head, as: cmsghdr.self)
        message.storeBytes(of: Int32(IPPROTO_TCP), toByteOffset: header, as: Int32.self)
        return message
    }

    deinit {
        headers.deallocate()
        vectors.deallocate()
        control?.deallocate()
    }

    /// Hands frames `range` to the kernel without blocking; how many it took, or minus one with errno set.
    func send(_ range: Range<Int>, on socket: Int32) -> Int32 {
        var next = range.lowerBound
        while next < range.upperBound {
            let count = min(Self.most, range.upperBound - next)
            prepare(next, count)
            let taken = Int(clinux_sendmmsg(socket, headers, UInt32(count), Int32(MSG_DONTWAIT)))
            next += max(0, taken)
            if taken < count { break }
        }
        return next > range.lowerBound ? Int32(next - range.lowerBound) : -1
    }

    private func prepare(_ first: Int, _ count: Int) {
        let slots = frames.slots
        for index in 0..<count { vectors[index].iov_base = slots[first + index] }
        guard let destinations else { return }
        for index in 0..<count { headers[index].header.msg_name = destinations.memory + (first + index) * destinations.stride }
    }
}
