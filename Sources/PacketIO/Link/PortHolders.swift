import CLinux
import Glibc
import SystemPackage

/// Who uses TCP ports on this machine, as the kernel (sock_diag(7)) and /proc (proc(5)) tell. Only for an error message, so whatever cannot
/// be read is left out.
enum PortHolders {
    /// "61000 is held by nginx (pid 812)", for the first few ports of `range` that are taken.
    static func describe(_ range: ClosedRange<UInt16>) -> String {
        let sockets = socketsByPort(in: range)
        guard !sockets.isEmpty else { return "the kernel does not say who holds them" }
        let owners = owners(of: Set(sockets.values))
        let named = sockets.sorted { $0.key < $1.key }.prefix(3).map { port, inode in
            "\(port) is held by \(owners[inode] ?? "a process that cannot be seen from here")"
        }
        return named.joined(separator: ", ") + (sockets.count > 3 ? " and \(sockets.count - 3) more" : "")
    }

    /// Inode of the socket at each taken port. A kernel before 6.8 does not tell of sockets that are bound and neither listen nor talk.
    private static func socketsByPort(in range: ClosedRange<UInt16>) -> [UInt16: String] {
        var found: [UInt16: String] = [:]
        guard var netlink = try? Netlink(.sockets) else { return found }
        for family in [AF_INET, AF_INET6] {
            var query = inet_diag_req_v2()
            query.sdiag_family = UInt8(family)
            query.sdiag_protocol = UInt8(IPPROTO_TCP)
            query.idiag_states = .max
            // What the kernel refuses to tell stays unknown: this is only for an error message.
            try? netlink.ask(NetlinkRequest(Int(SOCK_DIAG_BY_FAMILY), flags: NLM_F_DUMP, fixed: query)) { message in
                guard let port = message.payload.number(at: Answer.sourcePort, as: UInt16.self)?.byteSwapped, range.contains(port),
                    let inode = message.payload.number(at: Answer.inode, as: UInt32.self), inode != 0
                else { return }
                found[port] = String(inode)
            }
        }
        return found
    }

    /// Offsets in struct inet_diag_msg, linux/inet_diag.h.
    private enum Answer {
        static let sourcePort = 4
        static let inode = 68
    }

    /// "command (pid N)" for each inode that belongs to a process.
    private static func owners(of inodes: Set<String>) -> [String: String] {
        var found: [String: String] = [:]
        for pid in entries("/proc") where pid.allSatisfy(\.isNumber) {
            for descriptor in entries("/proc/\(pid)/fd") {
                guard let link = target("/proc/\(pid)/fd/\(descriptor)"), link.hasPrefix("socket:["),
                    case let inode = String(link.dropFirst(8).dropLast()), inodes.contains(inode)
                else { continue }
                let command = read("/proc/\(pid)/comm")?.split(separator: "\n").first.map(String.init) ?? "?"
                found[inode] = "\(command) (pid \(pid))"
            }
        }
        return found
    }

    private static func entries(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                    pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }

    private static func target(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 128)
        let length = buffer.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                characters.baseAddress.map { readlink(path, $0, characters.count) } ?? -1
            }
        }
        return length > 0 ? String(decoding: buffer[..<length], as: UTF8.self) : nil
    }

    private static func read(_ path: String) -> String? {
        guard let file = try? FileDescriptor.open(FilePath(path), .readOnly) else { return nil }
        defer { try? file.close() }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while let count = try? buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
