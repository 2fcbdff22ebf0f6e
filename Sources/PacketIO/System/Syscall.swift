import CLinux
import Glibc
import SystemPackage

/// System calls that report failure by a negative value and `errno`.
enum Syscall {
    /// Runs `call` until it is not interrupted by a signal: the one EINTR loop of the engine.
    @inline(__always)
    static func retrying<Value: SignedInteger>(_ call: () -> Value) throws(Errno) -> Value {
        while true {
            let value = call()
            if value >= 0 { return value }
            let code = errno
            if code != EINTR { throw Errno(rawValue: code) }
        }
    }

    /// setsockopt(2) with a plain value.
    static func setOption<Value: BitwiseCopyable>(_ socket: Int32, _ level: Int32, _ name: Int32, _ value: Value) throws(Errno) {
        var value = value
        _ = try retrying { setsockopt(socket, level, name, &value, socklen_t(MemoryLayout<Value>.size)) }
    }

    /// Lets a socket have only what a program for the kernel's packet filter gives it (socket(7), SO_ATTACH_FILTER).
    static func attach(_ program: [sock_filter], to socket: Int32) throws(Errno) {
        var program = program
        let count = UInt16(program.count)
        let result: Result<Void, Errno> = program.withUnsafeMutableBufferPointer { buffer in
            let filter = sock_fprog(len: count, filter: buffer.baseAddress)
            return Result { () throws(Errno) in try setOption(socket, SOL_SOCKET, SO_ATTACH_FILTER, filter) }
        }
        try result.get()
    }

    /// Calls `body` with `address`, a `sockaddr_…` of C, as the `sockaddr` that the socket calls want.
    static func withSocketAddress<Address, Result>(
        _ address: Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = address
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Address>.size)) }
        }
    }
}

extension sockaddr_in {
    /// An IPv4 socket address; both values in host order.
    package init(address: UInt32, port: UInt16) {
        self.init()
        sin_family = sa_family_t(AF_INET)
        sin_port = port.bigEndian
        sin_addr.s_addr = address.bigEndian
    }
}

extension sockaddr_in6 {
    /// An IPv6 socket address; both values in host order. `interface` is wanted where the address means nothing without it (fe80::/10).
    package init(address: UInt128, port: UInt16, interface: Int32 = 0) {
        self.init()
        sin6_family = sa_family_t(AF_INET6)
        sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &sin6_addr) { $0.storeBytes(of: address.bigEndian, as: UInt128.self) }
        sin6_scope_id = UInt32(bitPattern: interface)
    }
}
