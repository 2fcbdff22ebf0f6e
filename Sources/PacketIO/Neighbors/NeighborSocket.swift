import CLinux
import Glibc
package import ScanCore
package import ScanTargets
import SystemPackage

/// Asks for the hardware addresses of neighbours on one link and hears what they answer, by ARP (RFC 826) or neighbour discovery (RFC 4861), past
/// the kernel's own table. One thread at a time.
package final class NeighborSocket {
    private let socket: OwnedDescriptor
    private let interface: NetworkInterface
    private let own: HardwareAddress
    private let source: IPAddress
    private var buffer = [UInt8](repeating: 0, count: 2048)

    /// What a neighbour tells.
    package struct Answer {
        package let address: IPAddress
        package let hardware: HardwareAddress
        /// Whether it holds that this replaces whatever was known (RFC 4861 §4.4); in ARP everybody does.
        let insists: Bool
    }

    /// Opens it for neighbours of the family of `source`, an address of `interface`.
    package init(_ interface: NetworkInterface, source: IPAddress) throws(EngineError) {
        guard let own = interface.hardwareAddress else {
            throw EngineError(.device, "\(interface.name) has no Ethernet header, so there are no neighbours to ask for.")
        }
        (self.interface, self.own, self.source) = (interface, own, source)
        do {
            socket = try Self.open(interface, source.family)
        } catch {
            throw EngineError("cannot ask for neighbours on \(interface.name)", error)
        }
    }

    private static func open(_ interface: NetworkInterface, _ family: IPAddress.Family) throws(Errno) -> OwnedDescriptor {
        // Nothing arrives before it is bound, and by then the filter is in place.
        let socket = try OwnedDescriptor(family: AF_PACKET, type: SOCK_RAW, protocol: 0)
        let descriptor = socket.raw
        try Syscall.enlargeSendBuffer(descriptor)
        // The queueing discipline of an interface without a carrier swallows what it gets, as if it had been sent.
        try Syscall.setOption(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, Int32(1))
        if family == .v6 { try passAdvertisementsOnly(descriptor) }
        try Syscall.setOption(descriptor, SOL_SOCKET, SO_RCVBUF, Int32(4 << 20))
        var address = sockaddr_ll()
        address.sll_family = UInt16(AF_PACKET)
        address.sll_protocol = (family == .v4 ? EtherType.arp : EtherType.ipv6).bigEndian
        address.sll_ifindex = interface.index
        _ = try Syscall.retrying { Syscall.withSocketAddress(address) { bind(descriptor, $0, $1) } }
        return socket
    }

    /// Keeps all other IPv6 packets from this socket: next header 58 (ICMPv6) without extension headers, type 136 (bpf(4), RFC 4861 §4.4).
    private static func passAdvertisementsOnly(_ descriptor: Int32) throws(Errno) {
        let (load, ifEqual, give) = (UInt16(BPF_LD | BPF_B | BPF_ABS), UInt16(BPF_JMP | BPF_JEQ | BPF_K), UInt16(BPF_RET | BPF_K))
        let program = [
            sock_filter(code: load, jt: 0, jf: 0, k: UInt32(EtherType.headerLength + IPv6View.Offset.nextHeader)),
            sock_filter(code: ifEqual, jt: 0, jf: 3, k: UInt32(IPv6View.HeaderNumber.icmp)),
            sock_filter(code: load, jt: 0, jf: 0, k: UInt32(EtherType.headerLength + IPv6View.headerLength)),
            sock_filter(code: ifEqual, jt: 0, jf: 1, k: UInt32(NeighborAdvertisement.messageType)),
            sock_filter(code: give, jt: 0, jf: 0, k: .max), sock_filter(code: give, jt: 0, jf: 0, k: 0),
        ]
        try Syscall.attach(program, to: descriptor)
    }

    /// Asks who has `address`; false when the kernel has no room for the question. Throws when the interface is gone or down.
    package func ask(_ address: IPAddress) throws(EngineError) -> Bool {
        guard let question = question(for: address) else { return true }
        let sent = send(socket.raw, question, question.count, Int32(MSG_DONTWAIT))
        if case .busy = try SendOutcome(sent > 0 ? 1 : -1, interface: interface.name) { return false }
        return true
    }

    private func question(for address: IPAddress) -> [UInt8]? {
        if let target = address.v4, let source = source.v4 {
            return ARPMessage.request(for: target, from: source, own).frame
        }
        guard address.family == .v6, source.family == .v6 else { return nil }
        return NeighborSolicitation(for: address.value, from: source.value, own).frame
    }

    /// Gives each answer that has arrived.
    package func take(_ each: (Answer) -> Void) {
        var sender = sockaddr_ll()
        while case let count = receive(&sender), count > 0 {
            // Frames for others reach an interface that listens to all, with the tags of foreign VLANs taken off.
            guard sender.sll_pkttype != UInt8(PACKET_OTHERHOST) else { continue }
            buffer.withUnsafeBytes { bytes in
                guard let frame = PacketBytes(UnsafeRawBufferPointer(rebasing: bytes[..<min(count, bytes.count)])),
                    let answer = Self.answer(in: frame)
                else { return }
                each(answer)
            }
        }
    }

    private func receive(_ sender: inout sockaddr_ll) -> Int {
        var length = socklen_t(MemoryLayout<sockaddr_ll>.size)
        return withUnsafeMutablePointer(to: &sender) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(socket.raw, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, &length)
            }
        }
    }

    /// Requests tell of their sender, too.
    private static func answer(in frame: PacketBytes) -> Answer? {
        if let message = ARPMessage(ethernet: frame) {
            return Answer(address: IPAddress(v4: message.sender), hardware: message.senderHardware, insists: true)
        }
        guard let (type, packet) = EtherType.payload(of: frame), type == EtherType.ipv6, let told = NeighborAdvertisement(ipv6: packet),
            let hardware = told.hardware
        else { return nil }
        return Answer(address: IPAddress(v6: told.target), hardware: hardware, insists: told.overrides)
    }
}
