import Glibc
import PacketIO
import ScanTargets
import Testing

/// Frames through a cable of the test's own: what one end is given, and what arrives at the other.
@Suite("The ways onto the wire", .serialized, .timeLimit(.minutes(1)))
struct ProbeLinkTests {
    /// How many the near end has.
    struct Queues {
        var senders: Int
        var receivers: Int

        static let one = Queues(senders: 1, receivers: 1)
        static let two = Queues(senders: 2, receivers: 2)
    }

    /// A cable at whose far end the frames to 10.78.0.0/16 are heard.
    private struct Cable {
        let path: ScanPath
        private let far: TestSocket

        init(_ queues: Queues) throws {
            try PrivateNetwork.layCable(senders: queues.senders, receivers: queues.receivers)
            let range = try #require(AddressRange("10.78.0.0/16"))
            path = try #require(try RoutePlanner.paths(for: AddressSet([range])).first)
            far = try TestSocket(AF_PACKET, SOCK_RAW, 0)
            var room: Int32 = 64 << 20
            let forced: Int32 = 33  // SO_RCVBUFFORCE
            #expect(setsockopt(far.raw, SOL_SOCKET, forced, &room, 4) == 0)
            try listen()
        }

        /// packet(7): struct sockaddr_ll for IPv4 frames that arrive at the far end.
        private func listen() throws {
            let index = Int32(bitPattern: if_nametoindex("cable1"))
            var address = [UInt8](repeating: 0, count: 20)
            address.withUnsafeMutableBytes { bytes in
                bytes.storeBytes(of: UInt16(AF_PACKET), as: UInt16.self)
                bytes.storeBytes(of: UInt16(0x0800).bigEndian, toByteOffset: 2, as: UInt16.self)
                bytes.storeBytes(of: index, toByteOffset: 4, as: Int32.self)
            }
            let result = address.withUnsafeBytes { bind(far.raw, $0.baseAddress?.assumingMemoryBound(to: sockaddr.self), 20) }
            guard result == 0 else { throw TestSocket.Failure("bind to cable1") }
        }

        /// Where what has arrived was sent to: the last two octets, as a number.
        func arrivals() -> [Int] {
            var buffer = [UInt8](repeating: 0, count: 256)
            var numbers: [Int] = []
            while case let length = recv(far.raw, &buffer, buffer.count, Int32(MSG_DONTWAIT)), length > 0 || errno == ENETDOWN {
                guard length >= 34, buffer[30] == 10, buffer[31] == 78 else { continue }
                numbers.append(Int(buffer[32]) << 8 | Int(buffer[33]))
            }
            return numbers
        }
    }

    /// Sends frames to the addresses `numbers`, in batches of at most `size`, as a scan does; false when the interface takes nothing any more.
    private static func send(_ numbers: Range<Int>, _ size: Int, by link: any ProbeLink) throws -> Bool {
        var number = numbers.lowerBound
        while number < numbers.upperBound {
            let slots = link.slots()
            let count = min(slots.count, size, numbers.upperBound - number)
            for index in 0..<count {
                slots[index].storeBytes(of: UInt32(0x0A4E_0000 + number + index).bigEndian, toByteOffset: 30, as: UInt32.self)
            }
            guard count > 0 else { return false }
            var next = 0
            while next < count {
                guard case .sent(let taken) = try link.send(next..<count) else { return false }
                next += taken
            }
            number += count
        }
        return true
    }

    private static func withLink(
        _ kind: LinkKind, _ setting: (threads: Int, queues: Queues),
        _ body: @Sendable (_ cable: Cable, _ link: any ProbeLink) throws -> Void
    ) async throws {
        try await PrivateNetwork.run {
            let (cable, pool) = (try Cable(setting.queues), LinkPool())
            let opened = try pool.open(cable.path, options: .mss, preferring: kind, threads: setting.threads)
            #expect(opened.kind == kind)
            try body(cable, opened.link)
        }
    }

    private static let settings: [(threads: Int, queues: Queues)] = [(1, .one), (2, .one), (2, .two)]

    @Test(
        "frames in batches of any size arrive, each once, also when two threads send",
        arguments: [LinkKind.xdp, .ring, .packet], settings)
    func whole(kind: LinkKind, setting: (threads: Int, queues: Queues)) async throws {
        try await Self.withLink(kind, setting) { (cable, link) throws in
            var first = 0
            for size in [1024, 1024, 700, 1, 1024, 513, 100, 1024, 1024, 300, 1024] {
                #expect(try Self.send(first..<first + 3000, size, by: link))
                first += 3000
            }
            #expect(cable.arrivals().sorted() == Array(0..<first))
        }
    }

    @Test(
        "while the interface takes nothing no frame is taken for sent, and afterwards each leaves once",
        arguments: [LinkKind.xdp, .ring, .packet], settings)
    func pulled(kind: LinkKind, setting: (threads: Int, queues: Queues)) async throws {
        try await Self.withLink(kind, setting) { (cable, link) throws in
            // The second thread is asked when it is known what batches take without it.
            #expect(try Self.send(0..<5120, 1024, by: link))
            var first = 5120
            for _ in 0..<3 {
                try PrivateNetwork.ip("link set cable1 down")
                for size in [1024, 512] { #expect(try !Self.send(60_000..<61_024, size, by: link)) }
                try PrivateNetwork.ip("link set cable1 up")
                for size in [256, 1024] {
                    #expect(try Self.send(first..<first + 3000, size, by: link))
                    first += 3000
                }
            }
            #expect(cable.arrivals().sorted() == Array(0..<first))
        }
    }

    /// Two pools are two programs on one machine: what the first leaves the second may have.
    @Test(
        "each thread that sends by AF_XDP takes a queue where there are enough, and none takes one that only receives",
        arguments: [
            (1, Queues.one, LinkKind.ring), (1, .two, .xdp), (1, Queues(senders: 1, receivers: 2), .ring),
            (2, .one, .ring), (2, .two, .ring), (2, Queues(senders: 3, receivers: 3), .xdp), (2, Queues(senders: 1, receivers: 2), .ring),
        ])
    func queues(threads: Int, queues: Queues, second: LinkKind) async throws {
        try await PrivateNetwork.run {
            let (cable, pools) = (try Cable(queues), [LinkPool(), LinkPool()])
            let links = try pools.map { pool in try pool.open(cable.path, options: .mss, preferring: nil, threads: threads) }
            #expect(links.map(\.kind) == [.xdp, second])
            for (index, opened) in links.enumerated() {
                #expect(try Self.send(index * 20_000..<(index + 1) * 20_000, 1024, by: opened.link))
            }
            #expect(cable.arrivals().sorted() == Array(0..<40_000))
        }
    }
}
