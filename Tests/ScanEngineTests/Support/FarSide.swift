import Glibc
import PacketIO
import Synchronization
import TestSupport

/// Answers probes as the test says, in place of a TCP stack: it sees the SYNs on loopback through a raw socket and sends what `answer` makes
/// of them. The kernel must be silent at the same targets.
final class FarSide: Sendable {
    struct Probe: Sendable {
        /// The probe from its IP header on.
        var packet: [UInt8]
        var source: UInt32 { packet.number(at: 12) }
        var target: UInt32 { packet.number(at: 16) }
        var sourcePort: UInt16 { packet.number(at: 20) }
        var targetPort: UInt16 { packet.number(at: 22) }
        var sequence: UInt32 { packet.number(at: 24) }
    }

    private let thread: WorkerThread
    private let ending = Ending()

    private final class Ending: Sendable {
        let isOver = Atomic<Bool>(false)
        /// The probes that were seen at the port.
        let probes = Mutex<[Probe]>([])
    }

    /// Answers at `port` of every address, each probe after `delay` milliseconds.
    init(at port: UInt16, delay: Int64 = 0, answer: @escaping @Sendable (Probe) -> [[UInt8]]) throws {
        let incoming = try TestSocket(AF_INET, SOCK_RAW, Int32(IPPROTO_TCP))
        let outgoing = try TestSocket(AF_INET, SOCK_RAW, Int32(IPPROTO_RAW))
        thread = try WorkerThread("test-far-side") { [ending] in
            var waiting: [(due: Int64, probe: Probe)] = []
            while !ending.isOver.load(ordering: .acquiring) {
                if let probe = Self.receive(incoming, at: port) {
                    ending.probes.withLock { $0.append(probe) }
                    waiting.append((SteadyClock.nanoseconds() + delay * 1_000_000, probe))
                }
                let due = waiting.prefix { $0.due <= SteadyClock.nanoseconds() }
                waiting.removeFirst(due.count)
                for packet in due.flatMap({ answer($0.probe) }) {
                    _ = TestSocket.with(packet.number(at: 16), 0) { sendto(outgoing.raw, packet, packet.count, 0, $0, $1) }
                }
            }
        }
    }

    /// The next SYN to `port`, nil after a millisecond without one.
    private static func receive(_ socket: TestSocket, at port: UInt16) -> Probe? {
        var entry = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, 1) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0xA5, count: 256)
        let length = recv(socket.raw, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        guard length >= 40 else { return nil }
        let probe = Probe(packet: Array(buffer[..<length]))
        return probe.packet[33] == 0x02 && probe.targetPort == port ? probe : nil
    }

    /// Stops answering; the probes that were seen.
    func stop() -> [Probe] {
        ending.isOver.store(true, ordering: .releasing)
        thread.join()
        return ending.probes.withLock { $0 }
    }
}

extension FarSide.Probe {
    /// A TCP answer from the target, or from another of its ports; `acknowledging` nil leaves the field 0.
    func tcp(_ flags: UInt8, acknowledging: UInt32, from port: UInt16? = nil) -> [UInt8] {
        let segment =
            (port ?? targetPort).bytes + sourcePort.bytes
            + [0, 0, 0, 1] + acknowledging.bytes  // sequence and acknowledgment number
            + [0x50, flags, 0x20, 0x00, 0, 0, 0, 0]  // 5 words, window 8192, checksum, urgent pointer
        return ip(protocol: 6, segment)
    }

    /// An ICMP error that quotes `quote`, the probe's first 28 bytes if nil.
    func icmp(type: UInt8, code: UInt8, quoting quote: [UInt8]? = nil) -> [UInt8] {
        let message = [type, code, 0, 0, 0, 0, 0, 0] + (quote ?? Array(packet.prefix(28)))
        return ip(protocol: 1, message.replacing(at: 2, with: SlowChecksum.of(message).bytes))
    }

    private func ip(protocol number: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let header =
            [0x45, 0x00] + UInt16(20 + payload.count).bytes + [0, 0, 0x40, 0x00]  // don't fragment
            + [44, number, 0, 0] + target.bytes + source.bytes  // time to live 44; the kernel fills the checksum in
        let packet = header + payload
        guard number == 6 else { return packet }
        return packet.replacing(at: 36, with: SlowChecksum.ofSegment(packet).bytes)
    }
}
