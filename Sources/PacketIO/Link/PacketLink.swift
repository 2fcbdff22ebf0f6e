import CLinux
import Glibc
import SystemPackage

/// Whole Ethernet frames through an AF_PACKET socket, past the queueing discipline (packet(7), PACKET_QDISC_BYPASS).
final class PacketLink: ProbeLink {
    private let frames: FrameBatch
    private let sender: Sender
    private let interface: NetworkInterface
    /// Has a socket of its own, whose counters no other thread touches.
    private let helper: SendHelper?
    private var batch = SharedBatch()

    /// A socket and what a thread needs to send through it.
    private final class Sender: Sendable {
        private let socket: OwnedDescriptor
        private let headers: MessageHeaders

        init(_ interface: NetworkInterface, _ frames: FrameBatch) throws(Errno) {
            socket = try .packetSender()
            try Syscall.bindSender(socket.raw, to: interface)
            headers = MessageHeaders(frames)
        }

        func send(_ range: Range<Int>) -> Int32 { headers.send(range, on: socket.raw) }
    }

    /// `isHelped`: a second thread takes half of each large batch.
    init(_ interface: NetworkInterface, template: SynTemplate, isHelped: Bool) throws(EngineError) {
        self.interface = interface
        frames = FrameBatch(template: template.bytes)
        do {
            sender = try Sender(interface, frames)
        } catch {
            throw EngineError("cannot open a packet socket on \(interface.name)", error)
        }
        if isHelped, let second = try? Sender(interface, frames) {
            helper = try? SendHelper { second.send($0) }
        } else {
            helper = nil
        }
    }

    func slots() -> FrameSlots {
        batch.begin()
        return frames.slots
    }

    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome {
        let taken = batch.send(range, from: SendHelper.half(of: range), by: helper) { sender.send($0) }
        return try SendOutcome(taken, interface: interface.name)
    }
}

extension OwnedDescriptor {
    /// An AF_PACKET socket that sends whole frames past the queueing discipline and receives nothing.
    static func packetSender() throws(Errno) -> OwnedDescriptor {
        let socket = try OwnedDescriptor(family: AF_PACKET, type: SOCK_RAW, protocol: 0)
        try Syscall.attach([sock_filter(code: UInt16(BPF_RET), jt: 0, jf: 0, k: 0)], to: socket.raw)
        try Syscall.setOption(socket.raw, SOL_PACKET, PACKET_QDISC_BYPASS, Int32(1))
        try Syscall.enlargeSendBuffer(socket.raw)
        return socket
    }
}

extension Syscall {
    /// Lets a few thousand frames be under way. Without the privilege the system's default must do.
    static func enlargeSendBuffer(_ socket: Int32) throws(Errno) {
        do {
            try setOption(socket, SOL_SOCKET, SO_SNDBUFFORCE, Int32(8 << 20))
        } catch .notPermitted {}
    }

    /// Binds an AF_PACKET socket to the interface it sends through, and to a protocol that nobody speaks: of one that it knows, the kernel would take
    /// each frame apart for its transport header, which nobody needs and which took 40 to 90 ns. The frames tell the interface and all others what
    /// they are.
    static func bindSender(_ socket: Int32, to interface: NetworkInterface) throws(Errno) {
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_protocol = EtherType.experimental.bigEndian
        address.sll_ifindex = interface.index
        _ = try retrying { withSocketAddress(address) { bind(socket, $0, $1) } }
    }
}
