import Glibc
import ScanAPI
import ScanClient
import Synchronization
import Testing

@Suite("A daemon that does not answer", .timeLimit(.minutes(1)))
struct SilenceTests {
    private static let limits = SilenceLimits(told: .milliseconds(50), limit: .milliseconds(300))

    /// A socket at which nobody is.
    private final class DeafSocket {
        let path: ControlSocketPath
        private let descriptor: Int32
        private var crowd: [Int32] = []

        init(backlog: Int32) throws {
            let name = "/tmp/synscan-test-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
            path = try ControlSocketPath(option: name, environment: { _ in nil })
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            let bound = Self.call(bind, descriptor, name)
            try #require(bound == 0 && listen(descriptor, backlog) == 0)
        }

        /// Takes all places that there are.
        func fill() {
            while true {
                let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
                crowd.append(client)
                if Self.call(connect, client, path.path) != 0 { return }
            }
        }

        private static func call(
            _ function: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, _ descriptor: Int32, _ name: String
        ) -> Int32 {
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name.utf8) }
            return withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    function(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }

        deinit {
            for client in crowd + [descriptor] { close(client) }
            unlink(path.path)
        }
    }

    @Test("is told of once and given up in the end, where nothing is answered and where there is no place", arguments: [false, true])
    func silence(isFull: Bool) async throws {
        let deaf = try DeafSocket(backlog: isFull ? 0 : 8)
        if isFull { deaf.fill() }
        let told = Mutex<[String]>([])
        do {
            try await ControlConnection.open(
                deaf.path, silence: Self.limits, tell: { sentence in told.withLock { $0.append(sentence) } },
                { _ = try await $0.reply(to: .status, as: DaemonStatus.self) })
            Issue.record("answered")
        } catch {
            #expect(CommandStatus(for: error) == .unreachable && "\(error)".contains("has not answered"), "\(error)")
        }
        #expect(told.withLock { $0.count } == 1)
    }

    @Test("is given up while a stream is read and while a large request is sent, too")
    func parts() async throws {
        let deaf = try DeafSocket(backlog: 8)
        let targets = (0..<200_000).map { "10.0.\($0 % 200).\($0 % 250)" }
        let requests = [try ControlRequest.submit(JobRequest(targets: targets)), .events(JobReference(id: 1))]
        for request in requests {
            do {
                try await ControlConnection.open(
                    deaf.path, silence: Self.limits, tell: { _ in }, { try await $0.lines(of: request) { _ in true } })
                Issue.record("answered")
            } catch {
                #expect(CommandStatus(for: error) == .unreachable && "\(error)".contains("has not answered"), "\(error)")
            }
        }
    }
}
