import Glibc
import PacketIO
import ScanTargets
import Testing

@Suite("Source ports", .timeLimit(.minutes(1)))
struct SourcePortBlockTests {
    private static func canBind(_ port: UInt16) -> Bool {
        guard let socket = try? TestSocket(AF_INET, SOCK_STREAM, 0) else { return false }
        return (try? socket.bind(Listener.anywhere, port)) != nil
    }

    @Test("a job gets sixteen ports that nobody else can take, until it ends")
    func heldAndReleased() async throws {
        try await PrivateNetwork.run {
            var block: SourcePortBlock? = try SourcePortBlock.reserve(in: 61_000...61_100, preferring: nil, avoiding: [])
            #expect(block?.first == 61_000)
            for port in 61_000..<61_016 as Range<UInt16> { #expect(!Self.canBind(port)) }
            #expect(Self.canBind(61_016))
            block = nil
            // A program that another test is just starting inherits descriptors until its exec.
            for port in 61_000..<61_016 as Range<UInt16> { LoopbackScan.wait { Self.canBind(port) } }
        }
    }

    @Test("two jobs get different ports")
    func twoJobs() async throws {
        try await PrivateNetwork.run {
            let blocks = try (0..<6).map { _ in try SourcePortBlock.reserve(in: 61_000...61_099, preferring: nil, avoiding: []) }
            #expect(blocks.map(\.first) == [61_000, 61_016, 61_032, 61_048, 61_064, 61_080])
            #expect(throws: EngineError.self) { try SourcePortBlock.reserve(in: 61_000...61_099, preferring: nil, avoiding: []) }
            withExtendedLifetime(blocks) {}
        }
    }

    @Test("a resumed job gets its old ports back where they are free, and others where they are not")
    func preferring() async throws {
        try await PrivateNetwork.run {
            let first = try SourcePortBlock.reserve(in: 61_000...65_535, preferring: 61_320, avoiding: [])
            #expect(first.first == 61_320)
            let second = try SourcePortBlock.reserve(in: 61_000...65_535, preferring: 61_320, avoiding: [])
            #expect(second.first == 61_000)
            let others = try [0, 60_999, 65_530, .max].map { outside in
                try SourcePortBlock.reserve(in: 61_000...65_535, preferring: outside, avoiding: [])
            }
            #expect(others.map(\.first) == [61_016, 61_032, 61_048, 61_064])
            withExtendedLifetime((first, second, others)) {}
        }
    }

    @Test("ports that rest are used only when nothing else is left")
    func avoiding() async throws {
        try await PrivateNetwork.run {
            let range: ClosedRange<UInt16> = 61_000...61_047
            let first = try SourcePortBlock.reserve(in: range, preferring: nil, avoiding: [61_000, 61_016])
            #expect(first.first == 61_032)
            let second = try SourcePortBlock.reserve(in: range, preferring: nil, avoiding: [61_000, 61_016])
            #expect(second.first == 61_000)
            withExtendedLifetime(first) {}
        }
    }

    @Test("a block with one taken port is passed over")
    func partlyTaken() async throws {
        try await PrivateNetwork.run {
            let listener = try Listener(at: 61_015)
            let block = try SourcePortBlock.reserve(in: 61_000...61_100, preferring: nil, avoiding: [])
            #expect(block.first == 61_016)
            withExtendedLifetime(listener) {}
        }
    }

    @Test("a range that is too small says how many ports a job needs")
    func tinyRange() throws {
        let error = #expect(throws: EngineError.self) {
            try SourcePortBlock.reserve(in: 61_000...61_014, preferring: nil, avoiding: [])
        }
        #expect(error?.kind == .portsTaken)
        #expect(error?.message == "The source ports 61000-61014 are fewer than the 16 a job needs.")
    }

    @Test("when no ports are free the message names one, the program that holds it and its process")
    func namesTheHolder() throws {
        // In the machine's own network, because /proc/net shows the process's namespace, not the thread's.
        let (listener, port) = try takenPort()
        let error = #expect(throws: EngineError.self) {
            try SourcePortBlock.reserve(in: port...port + 15, preferring: nil, avoiding: [])
        }
        #expect(error?.kind == .portsTaken)
        let message = try #require(error?.message)
        #expect(message.contains("\(port) is held by ") && message.contains("(pid \(getpid()))"), "\(message)")
        withExtendedLifetime(listener) {}
    }

    /// A listener that has fifteen ports above its own.
    private func takenPort() throws -> (TestSocket, UInt16) {
        while true {
            let socket = try TestSocket(AF_INET, SOCK_STREAM, 0)
            try socket.bind(Listener.loopback, 0)
            let port = try socket.boundPort()
            guard port <= UInt16.max - 15, listen(socket.raw, 1) == 0 else { continue }
            return (socket, port)
        }
    }
}
