import CLinux
import Glibc
import Synchronization
import SystemPackage

/// Whole Ethernet frames through a transmit ring that is shared with the kernel (packet(7), PACKET_TX_RING), past the queueing discipline.
///
/// Without PACKET_LOSS a frame that is rejected stays at the head of the ring: nothing is taken for sent that was not.
final class RingLink: ProbeLink {
    private let socket: OwnedDescriptor
    private let interface: NetworkInterface
    private let ring: MappedMemory
    private let stride: Int
    private let length: UInt32
    /// Where the kernel stands, and where frame 0 of the slots is.
    private var head = 0
    private var first = 0

    /// Frames of the ring, a power of two.
    private static let size = 1024
    private static let blockSize = 1 << 16

    init(_ interface: NetworkInterface, template: SynTemplate) throws(EngineError) {
        self.interface = interface
        length = UInt32(template.bytes.count)
        stride = FrameSlots.stride(for: Int(CLINUX_TPACKET2_DATA) + template.bytes.count)
        do {
            socket = try .packetSender()
            try Syscall.setOption(socket.raw, SOL_PACKET, PACKET_VERSION, Int32(TPACKET_V2.rawValue))
            let request = tpacket_req(
                tp_block_size: UInt32(Self.blockSize), tp_block_nr: UInt32(Self.size * stride / Self.blockSize),
                tp_frame_size: UInt32(stride), tp_frame_nr: UInt32(Self.size))
            try Syscall.setOption(socket.raw, SOL_PACKET, PACKET_TX_RING, request)
            ring = try MappedMemory(shared: Self.size * stride, socket.raw, at: 0)
            try Syscall.bindSender(socket.raw, to: interface)
        } catch {
            throw EngineError("cannot set up a transmit ring on \(interface.name)", error)
        }
        for index in 0..<Self.size {
            frame(index).copyMemory(from: template.bytes, byteCount: template.bytes.count)
        }
    }

    func slots() -> FrameSlots {
        // Not over the ring's end, behind which the frames would not go on.
        let most = min(FrameSlots.batch, Self.size - head & (Self.size - 1))
        var count = 0
        while count < most, status(head + count).pointee.load(ordering: .acquiring) == TP_STATUS_AVAILABLE { count += 1 }
        first = head
        return FrameSlots(frame(first), stride: stride, count: count)
    }

    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome {
        for index in range { offer(first + index) }
        let result = Int32(clamping: Glibc.send(socket.raw, nil, 0, Int32(MSG_DONTWAIT)))
        let code = errno
        var taken = 0
        while taken < range.count, !isOffered(head + taken) { taken += 1 }
        // What the kernel has not taken is ours again until it is offered once more.
        for index in range.dropFirst(taken) { status(first + index).pointee.store(UInt32(TP_STATUS_AVAILABLE), ordering: .relaxed) }
        head += taken
        if taken > 0 { return .sent(taken) }
        guard result < 0, code != EAGAIN, code != ENOBUFS, code != ENOMEM, code != EINTR else { return .busy }
        throw EngineError("Sending on \(interface.name) failed", Errno(rawValue: code))
    }

    /// The header is complete before the kernel may look at it.
    private func offer(_ index: Int) {
        header(index).storeBytes(of: length, toByteOffset: 4, as: UInt32.self)
        status(index).pointee.store(UInt32(TP_STATUS_SEND_REQUEST), ordering: .releasing)
    }

    private func isOffered(_ index: Int) -> Bool {
        let value = status(index).pointee.load(ordering: .acquiring)
        return value == TP_STATUS_SEND_REQUEST || value == TP_STATUS_WRONG_FORMAT
    }

    private func header(_ index: Int) -> UnsafeMutableRawPointer { ring.start + (index & (Self.size - 1)) * stride }

    private func frame(_ index: Int) -> UnsafeMutableRawPointer { header(index) + Int(CLINUX_TPACKET2_DATA) }

    private func status(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt32>> { header(index).sharedWord(at: 0) }
}
