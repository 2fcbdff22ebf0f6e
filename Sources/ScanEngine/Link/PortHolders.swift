import Glibc
import SystemPackage

/// Who uses TCP ports on this machine, as /proc tells (proc(5)); only for an error message, so whatever cannot be read is left out.
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

    /// Inode of the socket at each taken port.
    private static func socketsByPort(in range: ClosedRange<UInt16>) -> [UInt16: String] {
        var found: [UInt16: String] = [:]
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            for line in (read(table) ?? "").split(separator: "\n").dropFirst() {
                let fields = line.split(separator: " ", omittingEmptySubsequences: true)
                guard fields.count > 9, let port = fields[1].split(separator: ":").last.flatMap({ UInt16($0, radix: 16) }),
                    range.contains(port), fields[9] != "0"
                else { continue }
                found[port] = String(fields[9])
            }
        }
        return found
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
