import Glibc

/// A network namespace for one test: loopback and nothing else, no other program's listeners, and gone with the test.
enum PrivateNetwork {
    struct Unavailable: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs `body` on a thread of its own inside a new namespace. All sockets that it opens belong there, the engine's included.
    static func run<Value: Sendable>(_ body: @Sendable () throws -> Value) async throws -> Value {
        let thread = try ThreadExecutor("test-network")
        defer { thread.end() }
        // Without a suspension in it the closure stays on the thread, and its expectations still know their test.
        return try await withTaskExecutorPreference(thread) {
            try enter()
            return try body()
        }
    }

    private static func enter() throws {
        guard geteuid() == 0 else {
            throw Unavailable(
                description:
                    "This test opens raw sockets in a network namespace of its own: run the tests as root, with \"sudo Tests/run unit\".")
        }
        // Glibc's module hides unshare(2) behind _GNU_SOURCE.
        typealias Unshare = @convention(c) (Int32) -> Int32
        guard let symbol = dlsym(nil, "unshare") else { throw Unavailable(description: "glibc has no unshare(2)") }
        let newNetwork: Int32 = 0x4000_0000
        guard unsafeBitCast(symbol, to: Unshare.self)(newNetwork) == 0 else {
            throw Unavailable(description: "cannot make a network namespace for this test: \(String(cString: strerror(errno)))")
        }
        try bringLoopbackUp()
    }

    /// netdevice(7): struct ifreq is a name of 16 bytes and a union, here the flags.
    private static func bringLoopbackUp() throws {
        let socket = try TestSocket(AF_INET, SOCK_DGRAM, 0)
        let setFlags: UInt = 0x8914
        var request = Array("lo".utf8) + [UInt8](repeating: 0, count: 38)
        request[16] = 1
        guard ioctl(socket.raw, setFlags, &request) == 0 else {
            throw Unavailable(description: "cannot bring loopback up: \(String(cString: strerror(errno)))")
        }
    }

    /// 10.77.0.1/24 on one end of a cable, a gateway there, and a route to 10.78.0.0/16 through it. `senders`, `receivers`: how many queues that end has
    /// to send and to receive by.
    static func layCable(senders: Int = 1, receivers: Int = 1) throws {
        try ip("link add cable0 numtxqueues \(senders) numrxqueues \(receivers) type veth peer name cable1")
        try ip("address add 10.77.0.1/24 dev cable0")
        try ip("link set cable0 up")
        try ip("link set cable1 up")
        try ip("neighbour replace 10.77.0.2 lladdr 02:00:5e:10:00:02 nud permanent dev cable0")
        try ip("route add 10.78.0.0/16 via 10.77.0.2")
    }

    /// Runs ip(8) in the calling thread's namespace.
    static func ip(_ command: String) throws {
        let words = ["ip"] + command.split(separator: " ").map(String.init)
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawnp(&pid, "ip", nil, nil, &arguments, environ)
        guard code == 0 else {
            throw Unavailable(description: "cannot run ip(8), of the package iproute2: \(String(cString: strerror(code)))")
        }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        guard status == 0 else { throw Unavailable(description: "\"ip \(command)\" failed with status \(status)") }
    }
}
