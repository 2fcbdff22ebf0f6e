import Glibc
import PacketIO
import SystemPackage

/// Tells systemd how the service stands: datagrams to `$NOTIFY_SOCKET` (sd_notify(3)). Without that variable nothing is sent.
package struct ServiceNotifier: Sendable {
    private let path: [UInt8]?

    /// Reads the environment.
    package init() {
        self.init(path: getenv("NOTIFY_SOCKET").map { String(cString: $0) })
    }

    /// `path` is absolute, or begins with `@` for the abstract name space.
    package init(path: String?) {
        let bytes = path.map { Array($0.utf8) } ?? []
        let isPossible = bytes.count < 108 && (bytes.first == UInt8(ascii: "/") || bytes.first == UInt8(ascii: "@"))
        self.path = isPossible ? bytes : nil
    }

    package func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }
    /// The start takes longer, for a reason that is not in this process: it is given another half minute.
    package func waiting(_ status: String) { send("STATUS=\(status)\nEXTEND_TIMEOUT_USEC=30000000") }
    package func status(_ status: String) { send("STATUS=\(status)") }
    package func watchdog() { send("WATCHDOG=1") }
    package func reloading() { send("RELOADING=1\nSTATUS=reloading\nMONOTONIC_USEC=\(SteadyClock.nanoseconds() / 1000)") }
    package func reloaded() { send("READY=1") }
    package func stopping() { send("STOPPING=1\nSTATUS=stopping") }

    private func send(_ state: String) {
        guard let path else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { name in
            name.copyBytes(from: path)
            if path.first == UInt8(ascii: "@") { name[0] = 0 }
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        let bytes = Array(state.utf8)
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                // Not waiting for a service manager that is busy itself: the next message comes soon.
                _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT), $0, length)
            }
        }
    }
}
