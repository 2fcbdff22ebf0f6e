import CLinux
import Glibc
import SystemPackage

/// Whole Ethernet frames through an AF_PACKET socket, past the queueing discipline (packet(7), PACKET_QDISC_BYPASS).
final class PacketLink: ProbeLink {
    let frames: FrameBatch
    private let socket: OwnedDescriptor
    private let interface: NetworkInterface

    init(_ interface: NetworkInterface, template: SynTemplate) throws(EngineError) {
        self.interface = interface
        frames = FrameBatch(template: template.bytes)
        do {
            // Protocol 0: this socket receives nothing.
            socket = try OwnedDescriptor(family: AF_PACKET, type: SOCK_RAW, protocol: 0)
            try Syscall.setOption(socket.raw, SOL_PACKET, PACKET_QDISC_BYPASS, Int32(1))
            try? Syscall.setOption(socket.raw, SOL_SOCKET, SO_SNDBUFFORCE, Int32(8 << 20))
            var address = sockaddr_ll()
            address.sll_family = UInt16(AF_PACKET)
            address.sll_ifindex = interface.index
            let descriptor = socket.raw
            _ = try Syscall.retrying { Syscall.withSocketAddress(address) { bind(descriptor, $0, $1) } }
        } catch {
            throw EngineError("cannot open a packet socket on \(interface.name)", error)
        }
    }

    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome {
        try SendOutcome(frames.send(range, on: socket.raw), interface: interface.name)
    }
}
