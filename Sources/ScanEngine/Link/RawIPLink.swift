import CLinux
import Glibc
import SystemPackage

/// IP packets with their own header through an AF_INET raw socket (raw(7), IP_HDRINCL): the kernel routes and resolves.
final class RawIPLink: ProbeLink {
    private let frames: FrameBatch
    private let socket: OwnedDescriptor
    private let interface: NetworkInterface
    private let destinations: UnsafeMutablePointer<sockaddr_in>

    init(_ interface: NetworkInterface, source: UInt32, template: SynTemplate) throws(EngineError) {
        self.interface = interface
        frames = FrameBatch(template: template.bytes)
        do {
            // IPPROTO_RAW implies IP_HDRINCL and receives nothing.
            socket = try OwnedDescriptor(family: AF_INET, type: SOCK_RAW, protocol: Int32(IPPROTO_RAW))
            try Syscall.enlargeSendBuffer(socket.raw)
            let descriptor = socket.raw
            // The kernel's route must follow the header's source, also under policy routing.
            _ = try Syscall.retrying { Syscall.withSocketAddress(sockaddr_in(address: source, port: 0)) { bind(descriptor, $0, $1) } }
            if !interface.isLoopback {
                let name = Array(interface.name.utf8CString)
                _ = try Syscall.retrying { setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, name, socklen_t(name.count)) }
            }
        } catch {
            throw EngineError("cannot open a raw IP socket on \(interface.name)", error)
        }
        destinations = .allocate(capacity: FrameSlots.batch)
        destinations.initialize(repeating: sockaddr_in(address: 0, port: 0), count: FrameSlots.batch)
        for index in 0..<FrameSlots.batch {
            frames.setDestination(of: index, destinations + index)
        }
    }

    deinit {
        destinations.deallocate()
    }

    func slots() -> FrameSlots { frames.slots }

    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome {
        let slots = frames.slots
        for index in range {
            destinations[index].sin_addr.s_addr = slots[index].load(
                fromByteOffset: IPv4View.Offset.destination, as: in_addr_t.self)
        }
        return try SendOutcome(frames.send(range, on: socket.raw), interface: interface.name)
    }
}
