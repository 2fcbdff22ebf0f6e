import FoundationEssentials
import Glibc
package import ScanAPI
import SystemPackage

/// The file that keeps all sending stopped, across restarts. It is a file and not a row, so that it can be made where there is no space left, and be
/// seen and made by an administrator without synscan.
package struct HaltMark: Sendable {
    package static let name = "halted"

    package let path: String
    package let directory: String

    package init(directory: String) {
        self.directory = directory
        path = "\(directory)/\(Self.name)"
    }

    /// Whether there is one. Anything of that name counts, for somebody has made it.
    package var isThere: Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Who stopped all sending; nil when nobody did. One that says nothing was made by hand: then its owner did, when it was last written. Blocks.
    package func read() -> Halt? {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        if status.st_mode & S_IFMT == S_IFREG, let halt = written() { return halt }
        let since = Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1000
        return Halt(since: Timestamp(microseconds: since), uid: status.st_uid)
    }

    private func written() -> Halt? {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow, .nonBlocking]) else { return nil }
        defer { try? file.close() }
        var bytes = [UInt8](repeating: 0, count: 4096)
        guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(into: $0) }) else { return nil }
        return try? APICoding.decode(Halt.self, from: Data(bytes.prefix(count)))
    }

    /// Makes the file durable. Blocks.
    package func set(_ halt: Halt) throws(ServiceError) {
        do {
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
            try file.closeAfter {
                // Without space the empty file does as well.
                _ = try? file.writeAll(try APICoding.encode(halt))
                guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
            }
            try syncDirectory()
        } catch {
            throw ServiceError("\(path) cannot be written: \(ServiceError.words(error))")
        }
    }

    /// Removes the file for good. Blocks.
    package func clear() throws(ServiceError) {
        do {
            guard unlink(path) == 0 || errno == ENOENT else { throw Errno(rawValue: errno) }
            try syncDirectory()
        } catch {
            throw ServiceError("\(path) cannot be removed: \(ServiceError.words(error))")
        }
    }

    private func syncDirectory() throws {
        let opened = try FileDescriptor.open(directory, .readOnly, options: [.directory, .closeOnExec])
        try opened.closeAfter {
            guard fsync(opened.rawValue) == 0 else { throw Errno(rawValue: errno) }
        }
    }
}
