import CPcap
import Glibc
import ScanCore

/// Packets that arrive at one interface, through libpcap (pcap(3PCAP)). One thread at a time.
package final class PacketCapture {
    /// Enough for an ICMP error whose outer and quoted IPv4 headers are both as long as they get; over IPv6 that leaves more than a hundred bytes
    /// for extension headers.
    private static let snapshotLength: Int32 = 256
    /// How long the kernel may hold back a block of packets that is not full yet. Each time it gives one up, the whole block counts as full, so the
    /// shorter this is, the sooner the buffer is full when the capture thread is kept from running: after 0.25 s with the smallest one.
    package static let holdMilliseconds: Int32 = 8

    package let interface: String
    /// The interface's number when it was opened; the same name can come to mean another one.
    package let interfaceIndex: UInt32
    /// Bytes of the buffer.
    package let room: Int32
    package let header: LinkHeader
    /// For poll(2); the capture never blocks by itself.
    package let descriptor: Int32
    private let handle: OpaquePointer
    private var earlierDrops: Int64 = 0

    /// The buffers that captures have: 8 MiB, doubled up to 32 MiB. libpcap makes blocks of 256 KiB of them.
    package static let smallestRoom: Int32 = 8 << 20
    private static let largestRoom: Int32 = 32 << 20

    /// How much room a job's answers need to outlast a second in which the capture thread does not run.
    package static func room(rate: Int, targets: UInt64) -> Int32 {
        let bytesPerAnswer = 160
        let answers = min(rate, Int(clamping: targets) / 2 + 1)
        var room = smallestRoom
        while room < largestRoom, Int(room) / bytesPerAnswer < answers { room *= 2 }
        return room
    }

    /// More packets than the buffer holds: whoever has taken so many has taken all that had arrived when it began. A packet takes a header of 48 bytes
    /// (struct tpacket3_hdr), the sender's address and its own headers.
    package var mostPackets: Int { Int(room) / 96 }

    /// The name under which a capture hears all interfaces; its packets tell theirs.
    package static let everywhere = "any"

    /// A filter that lets nothing pass.
    package static let nothing = "less 1"

    /// Opens the capture with its filter in place: when this returns, no answer is missed. Waits for the kernel, some 10 to 150 milliseconds.
    package init(_ interface: String, room: Int32, filter: String) throws(EngineError) {
        self.interface = interface
        self.room = room
        interfaceIndex = if_nametoindex(interface)
        var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
        guard let handle = pcap_create(interface, &message) else {
            throw EngineError(.device, "cannot capture on \(interface): \(Self.text(message))")
        }
        do {
            header = try Self.activate(handle, interface, room)
            try Self.install(filter, on: handle, interface)
        } catch {
            pcap_close(handle)
            throw error
        }
        self.handle = handle
        descriptor = pcap_get_selectable_fd(handle)
    }

    deinit {
        pcap_close(handle)
    }

    /// Replaces the filter, and counts drops anew; what the old filter let pass and has not been taken comes still.
    package func change(filter: String) throws(EngineError) {
        try Self.install(filter, on: handle, interface)
        earlierDrops = allDrops
    }

    private static func install(_ filter: String, on handle: OpaquePointer, _ interface: String) throws(EngineError) {
        var program = bpf_program()
        guard pcap_compile(handle, &program, filter, 1, PCAP_NETMASK_UNKNOWN) == 0 else {
            throw fault("compile the capture filter", handle, interface)
        }
        defer { pcap_freecode(&program) }
        guard interface == everywhere, let compiled = program.bf_insns else {
            guard pcap_setfilter(handle, &program) == 0 else { throw fault("install the capture filter", handle, interface) }
            return
        }
        // Of interfaces that stand on one another each shall hear its own packets only.
        var instructions = ownPackets + UnsafeBufferPointer(start: compiled, count: Int(program.bf_len))
        let code = instructions.withUnsafeMutableBufferPointer { buffer -> Int32 in
            var whole = bpf_program(bf_len: UInt32(buffer.count), bf_insns: buffer.baseAddress)
            return pcap_setfilter(handle, &whole)
        }
        guard code == 0 else { throw fault("install the capture filter", handle, interface) }
    }

    /// Lets pass what is addressed to the interface itself and has no VLAN tag, which would make it another interface's; goes before a filter. The
    /// numbers are the kernel's, of linux/filter.h.
    private static let ownPackets: [bpf_insn] = {
        let (load, isEqual, giveUp) = (UInt16(0x20), UInt16(0x15), UInt16(0x06))
        let (auxiliary, packetType, hasTag) = (UInt32(bitPattern: -0x1000), UInt32(4), UInt32(48))
        return [packetType, hasTag].flatMap { field in
            [
                bpf_insn(code: load, jt: 0, jf: 0, k: auxiliary + field), bpf_insn(code: isEqual, jt: 1, jf: 0, k: 0),
                bpf_insn(code: giveUp, jt: 0, jf: 0, k: 0),
            ]
        }
    }()

    private static func fault(_ what: String, _ handle: OpaquePointer, _ interface: String) -> EngineError {
        EngineError(.device, "cannot \(what) on \(interface): \(String(cString: pcap_geterr(handle)))")
    }

    private static func activate(_ handle: OpaquePointer, _ interface: String, _ room: Int32) throws(EngineError) -> LinkHeader {
        pcap_set_snaplen(handle, snapshotLength)
        pcap_set_promisc(handle, 0)
        pcap_set_timeout(handle, holdMilliseconds)
        pcap_set_buffer_size(handle, room)
        let code = pcap_activate(handle)
        guard code >= 0 else {
            let kind: EngineError.Kind = code == PCAP_ERROR_PERM_DENIED ? .noPrivilege : .device
            let detail = String(cString: pcap_geterr(handle))
            throw EngineError(
                kind, "cannot capture on \(interface): \(String(cString: pcap_statustostr(code)))\(detail.isEmpty ? "" : ", \(detail)")")
        }
        if pcap_datalink(handle) == DLT_LINUX_SLL { pcap_set_datalink(handle, DLT_LINUX_SLL2) }
        guard let header = LinkHeader(dataLink: pcap_datalink(handle)) else {
            throw EngineError(.device, "cannot read what \(interface) captures: its link type \(pcap_datalink(handle)) is not known")
        }
        // Our own frames are no answers; on loopback every packet would come twice.
        guard pcap_setdirection(handle, PCAP_D_IN) == 0 else {
            throw fault("limit the capture to arriving packets", handle, interface)
        }
        var message = [CChar](repeating: 0, count: Int(PCAP_ERRBUF_SIZE))
        guard pcap_setnonblock(handle, 1, &message) == 0 else { throw fault("make the capture non-blocking", handle, interface) }
        return header
    }

    /// Gives `each` up to `limit` waiting packets with their capture time (µs since the epoch); returns how many there were.
    /// The bytes are valid inside the call only. Throws when the capture has died, for example because its interface has gone.
    package func drain(limit: Int, _ each: (PacketBytes, Int64) -> Void) throws(EngineError) -> Int {
        let count = withoutActuallyEscaping(each) { each in
            var taker = Taker(each: each)
            return withUnsafeMutableBytes(of: &taker) { context in
                pcap_dispatch(handle, Int32(clamping: limit), Self.take, context.baseAddress?.assumingMemoryBound(to: UInt8.self))
            }
        }
        guard count >= 0 else {
            throw EngineError(.device, "The capture on \(interface) has died: \(String(cString: pcap_geterr(handle)))")
        }
        return Int(count)
    }

    /// What `take` is called with.
    private struct Taker {
        let each: (PacketBytes, Int64) -> Void
    }

    /// libpcap's callback; its first argument is the `Taker` of the `drain` that runs.
    private static let take: pcap_handler = { context, header, bytes in
        guard let context, let header, let bytes else { return }
        let stamp = header.pointee.ts
        let time = Int64(stamp.tv_sec) &* 1_000_000 &+ Int64(stamp.tv_usec)
        guard let packet = PacketBytes(UnsafeRawBufferPointer(start: bytes, count: Int(header.pointee.caplen))) else { return }
        UnsafeRawPointer(context).assumingMemoryBound(to: Taker.self).pointee.each(packet, time)
    }

    /// Packets that found no room in the buffer since the filter was put in place.
    package var drops: Int64 { allDrops - earlierDrops }

    private var allDrops: Int64 {
        var statistics = pcap_stat()
        return pcap_stats(handle, &statistics) == 0 ? Int64(statistics.ps_drop) : 0
    }

    private static func text(_ message: [CChar]) -> String {
        String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension LinkHeader {
    /// libpcap's data link type; nil for one that no interface a scan can use has.
    package init?(dataLink: Int32) {
        switch dataLink {
        case DLT_EN10MB: self = .ethernet
        case DLT_LINUX_SLL2: self = .cooked
        case DLT_LINUX_SLL: self = .oldCooked
        case DLT_RAW: self = .raw
        default: return nil
        }
    }
}
