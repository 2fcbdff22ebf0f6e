import Glibc
import ScanTargets

/// A socket of the test's own, closed when it goes.
final class TestSocket: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String

        init(_ operation: String) {
            description = "\(operation): \(String(cString: strerror(errno)))"
        }
    }

    let raw: Int32

    init(_ family: Int32, _ type: __socket_type, _ number: Int32) throws {
        raw = socket(family, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), number)
        guard raw >= 0 else { throw Failure("socket") }
    }

    deinit {
        close(raw)
    }

    func bind(_ address: UInt32, _ port: UInt16) throws {
        guard Self.with(address, port, { Glibc.bind(raw, $0, $1) }) == 0 else { throw Failure("bind to port \(port)") }
    }

    func connect(_ address: UInt32, _ port: UInt16) throws {
        guard Self.with(address, port, { Glibc.connect(raw, $0, $1) }) == 0 else { throw Failure("connect to port \(port)") }
    }

    /// The port that the kernel chose.
    func boundPort() throws -> UInt16 {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(raw, $0, &length) }
        }
        guard code == 0 else { throw Failure("getsockname") }
        return UInt16(bigEndian: address.sin_port)
    }

    static func with<Result>(_ address: UInt32, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var socketAddress = sockaddr_in()
        socketAddress.sin_family = sa_family_t(AF_INET)
        socketAddress.sin_port = port.bigEndian
        socketAddress.sin_addr.s_addr = address.bigEndian
        return withUnsafeMutablePointer(to: &socketAddress) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}

/// Something that listens on a TCP port while it lives.
final class Listener: Sendable {
    static let anywhere: UInt32 = 0
    static let loopback: UInt32 = 0x7F00_0001

    private let socket: TestSocket
    /// Fills the queue of a silent listener.
    private let guest: TestSocket?

    /// Open at `port` of `address`, of every address of this machine where that is `anywhere`.
    init(at port: UInt16, of address: UInt32 = anywhere) throws {
        socket = try TestSocket(AF_INET, SOCK_STREAM, 0)
        guest = nil
        try socket.bind(address, port)
        guard listen(socket.raw, 128) == 0 else { throw TestSocket.Failure("listen") }
    }

    /// Answers no SYN at all, at `port` of every address: its queue has room for one connection and is full, so the kernel drops the others.
    init(silentAt port: UInt16) throws {
        socket = try TestSocket(AF_INET, SOCK_STREAM, 0)
        try socket.bind(Self.anywhere, port)
        guard listen(socket.raw, 0) == 0 else { throw TestSocket.Failure("listen") }
        let guest = try TestSocket(AF_INET, SOCK_STREAM, 0)
        try guest.connect(Self.loopback, port)
        self.guest = guest
    }
}
