import FoundationEssentials
import Glibc
package import ScanAPI
import ScanFiles
import SystemPackage

/// The file that keeps all sending stopped, across restarts. It is a file and not a row, so that it can be made where there is no space left, and be
/// seen and made by an administrator without synscan.
package struct HaltMark: Sendable {
    private let path: String
    private let directory: String

    package init(directory: String) {
        self.directory = directory
        path = "\(directory)/halted"
    }

    /// Who stopped all sending; nil when nobody did. A file that says nothing counts, too: somebody has made it. Blocks.
    package func read() -> Halt? {
        guard access(path, F_OK) == 0 else { return nil }
        let text = (try? TextFile.read(path, limit: 4096)) ?? ""
        return (try? APICoding.decode(Halt.self, from: Data(text.utf8))) ?? Halt(since: Timestamp(microseconds: 0), uid: 0)
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
