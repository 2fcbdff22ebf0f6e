import Glibc
import SystemPackage

/// Whole text files of bounded size.
enum TextFile {
    /// Reads a regular file as UTF-8, wrong bytes repaired. Throws `EFBIG` above `limit` bytes and `EINVAL` for what is no regular file.
    static func read(_ path: String, limit: Int = 64 << 20) throws(Errno) -> String {
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
            return try file.closeAfter {
                var status = stat()
                guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
                guard status.st_mode & S_IFMT == S_IFREG else { throw Errno.invalidArgument }
                return String(decoding: try bytes(of: file, limit: limit), as: UTF8.self)
            }
        } catch let error as Errno {
            throw error
        } catch {
            throw Errno.ioError
        }
    }

    private static func bytes(of file: FileDescriptor, limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = try piece.withUnsafeMutableBytes { try file.read(into: $0) }
            guard count > 0 else { return bytes }
            guard bytes.count + count <= limit else { throw Errno.fileTooLarge }
            bytes += piece[..<count]
        }
    }
}
