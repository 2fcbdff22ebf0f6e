import CLinux
import Glibc
import SystemPackage

/// A file descriptor with one owner, closed when the owner goes.
struct OwnedDescriptor: ~Copyable, Sendable {
    let raw: Int32

    /// Takes over a descriptor that nobody else closes.
    init(_ raw: Int32) {
        self.raw = raw
    }

    /// socket(2), close-on-exec.
    init(family: Int32, type: __socket_type, protocol number: Int32) throws(Errno) {
        raw = try Syscall.retrying { socket(family, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), number) }
    }

    deinit {
        close(raw)
    }
}
