import CLinux
import Glibc
import ScanTargets
import SystemPackage

/// IP packets with their own header through a raw socket (raw(7), IP_HDRINCL; ipv6(7), IPV6_HDRINCL): the kernel routes and resolves.
final class RawIPLink: ProbeLink {
    private let frames: FrameBatch
    private let headers: MessageHeaders
    private let socket: OwnedDescriptor
    private let interface: NetworkInterface
    /// A struct sockaddr_in or sockaddr_in6 for each frame.
    private let destinations: UnsafeMutableRawPointer
    private let isIPv6: Bool

    private static let stride = MemoryLayout<sockaddr_in6>.stride
    /// Where the kernel wants the destination, struct sockaddr_in and sockaddr_in6.
    private static let addressOffset = (v4: 4, v6: 8)

    /// `scope` is the number of the interface on whose link link-local addresses are meant. `tellsProtocol`: rules and policies for TCP are to hold,
    /// which the kernel does not apply by itself to packets that come with their header.
    init(
        _ interface: NetworkInterface, source: IPAddress, scope: Int32, template: SynTemplate, tellsProtocol: Bool = false
    ) throws(EngineError) {
        self.interface = interface
        isIPv6 = source.family == .v6
        do {
            socket = try Self.open(interface, source, scope)
        } catch {
            throw EngineError("cannot open a raw IP socket on \(interface.name)", error)
        }
        destinations = .allocate(byteCount: Self.stride * FrameSlots.batch, alignment: MemoryLayout<sockaddr_in6>.alignment)
        for index in 0..<FrameSlots.batch {
            let place = destinations + index * Self.stride
            if isIPv6 {
                // Where others put a port, raw sockets of IPv6 tell the protocol.
                let address = sockaddr_in6(address: 0, port: tellsProtocol ? UInt16(IPPROTO_TCP) : 0, interface: scope)
                place.initializeMemory(as: sockaddr_in6.self, to: address)
            } else {
                place.initializeMemory(as: sockaddr_in.self, to: sockaddr_in(address: 0, port: 0))
            }
        }
        let length = isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        frames = FrameBatch(template: template.bytes)
        headers = MessageHeaders(
            frames, .init(memory: destinations, stride: Self.stride, length: length), tellsProtocol: tellsProtocol && !isIPv6)
    }

    deinit {
        destinations.deallocate()
    }

    private static func open(_ interface: NetworkInterface, _ source: IPAddress, _ scope: Int32) throws(Errno) -> OwnedDescriptor {
        // IPPROTO_RAW implies that the header is ours, and receives nothing.
        let socket = try OwnedDescriptor(family: source.family.addressFamily, type: SOCK_RAW, protocol: Int32(IPPROTO_RAW))
        try Syscall.enlargeSendBuffer(socket.raw)
        let descriptor = socket.raw
        // The kernel's route must follow the header's source, also under policy routing.
        if let v4 = source.v4 {
            _ = try Syscall.retrying { Syscall.withSocketAddress(sockaddr_in(address: v4, port: 0)) { bind(descriptor, $0, $1) } }
        } else {
            let address = sockaddr_in6(address: source.value, port: 0, interface: scope)
            _ = try Syscall.retrying { Syscall.withSocketAddress(address) { bind(descriptor, $0, $1) } }
        }
        if !interface.isLoopback {
            let name = Array(interface.name.utf8CString)
            _ = try Syscall.retrying { setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.count)) }
        }
        return socket
    }

    func slots() -> FrameSlots { frames.slots }

    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome {
        let slots = frames.slots
        for index in range {
            let place = destinations + index * Self.stride
            if isIPv6 {
                (place + Self.addressOffset.v6).copyMemory(from: slots[index] + IPv6View.Offset.destination, byteCount: 16)
            } else {
                (place + Self.addressOffset.v4).copyMemory(from: slots[index] + IPv4View.Offset.destination, byteCount: 4)
            }
        }
        return try SendOutcome(headers.send(range, on: socket.raw), interface: interface.name)
    }
}
