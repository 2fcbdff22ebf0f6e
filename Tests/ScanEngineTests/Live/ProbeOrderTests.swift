import PacketIO
import ScanCore
import ScanTargets
import Synchronization
import Testing

/// The order in which the probes of a job leave. It is part of what a job is: one that goes on after an upgrade finds its targets by it, so these
/// digests are those of every version that reads a store of this one. Each trace is of one path: which of two paths sends first is chance.
@Suite("The order of the probes")
struct ProbeOrderTests {
    struct Trace: Sendable, CustomTestStringConvertible {
        var hosts: [String]
        var ports: String
        var endpoints: [String] = []
        var seed: UInt64
        /// How many probes, and the FNV-1a hash of their destinations and ports.
        var count: Int
        var digest: UInt64

        var testDescription: String { "\(hosts.joined(separator: " ")) \(ports) \(endpoints.joined(separator: " ")), key \(seed)" }
    }

    @Test(
        "The same targets and the same key give the same order",
        arguments: [
            Trace(hosts: ["127.0.0.0/20"], ports: "1-16", seed: 1, count: 65_536, digest: 0x454a_3731_2f03_f481),
            Trace(hosts: ["127.0.0.0/20"], ports: "1-16", seed: 2, count: 65_536, digest: 0x845d_fac5_bd16_9011),
            Trace(
                hosts: ["127.0.0.1-127.0.0.100", "127.9.0.7", "127.200.0.0/25"], ports: "22,80-90,443,65535",
                endpoints: ["127.3.3.3:1", "127.3.3.3:2", "127.0.0.5:8080"], seed: 3, count: 3209, digest: 0xd3bb_9129_b975_7b86),
            Trace(hosts: ["::1"], ports: "1-4096", seed: 4, count: 4096, digest: 0x296f_4752_cfac_b7b9),
        ])
    func order(_ expected: Trace) async throws {
        try await PrivateNetwork.run {
            var scan = try LoopbackScan(
                hosts: expected.hosts, ports: expected.ports, endpoints: try expected.endpoints.map { try #require(Endpoint($0)) },
                rate: 1_000_000, seed: expected.seed)
            let digest = ProbeDigest()
            scan.links = LinkPool(opener: { DigestingLink($0, digest) })
            let result = try scan.run(into: RecordingSink())
            #expect(LoopbackScan.isFinished(result.end))
            let (count, value) = digest.state.withLock { $0 }
            #expect(count == expected.count && value == expected.digest, "\(count) probes, 0x\(String(value, radix: 16))")
        }
    }
}

private final class ProbeDigest: Sendable {
    let state = Mutex<(count: Int, value: UInt64)>((0, 0xcbf2_9ce4_8422_2325))
}

/// Takes every frame, sends none, and notes what they ask. Frames have no Ethernet header: the way is loopback.
private final class DigestingLink: ProbeLink {
    private let frames: FrameBatch
    private let digest: ProbeDigest

    init(_ template: SynTemplate, _ digest: ProbeDigest) {
        self.digest = digest
        frames = FrameBatch(template: template.bytes)
    }

    func slots() -> FrameSlots { frames.slots }

    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome {
        digest.state.withLock { state in
            for index in range {
                let frame = UnsafeRawBufferPointer(start: frames.slots[index], count: frames.slots.stride)
                // Destination and its port (RFC 791 §3.1, RFC 8200 §3, RFC 9293 §3.1).
                let asked = frame[0] >> 4 == 4 ? [16..<20, 22..<24] : [24..<40, 42..<44]
                for byte in asked.joined() { state.value = (state.value ^ UInt64(frame[byte])) &* 0x100_0000_01b3 }
                state.count += 1
            }
        }
        return .sent(range.count)
    }
}
