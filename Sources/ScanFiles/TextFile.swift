import Glibc
package import SystemPackage

/// Whole text files of bounded size.
package enum TextFile {
    /// Reads a regular file as UTF-8, wrong bytes repaired. Throws `EFBIG` above `limit` bytes and `EINVAL` for what is no regular file.
    package static func read(_ path: String, limit: Int = 64 << 20) throws(Errno) -> String {
        try read(path, limit: limit) { _ in }
    }

    /// Reads a file that decides what this process does. Throws unless it and its folder belong to root, or to the user this process runs as, and
    /// nobody else can write them.
    package static func readTrusted(_ path: String, limit: Int = 64 << 20) throws(FileFault) -> String {
        var problem = distrust(folderOf: path)
        if let problem { throw FileFault(file: path, problem: problem) }
        do {
            return try read(path, limit: limit) { status throws(Errno) in
                problem = distrust(status)
                if problem != nil { throw .permissionDenied }
            }
        } catch {
            let words = error == .invalidArgument ? "is not a regular file" : "cannot be read: \(error)"
            throw FileFault(file: path, problem: problem ?? words)
        }
    }

    /// Whoever can write the folder can put another file in the place of this one, but for those like /tmp where everybody keeps their own (the sticky
    /// bit, inode(7)). That it is not there is told when it is opened.
    private static func distrust(folderOf path: String) -> String? {
        var status = stat()
        guard stat(FilePath(path).removingLastComponent().string, &status) == 0 else { return nil }
        if status.st_mode & S_ISVTX != 0 { status.st_mode &= ~(S_IWGRP | S_IWOTH) }
        return distrust(status).map { "lies in a folder that \($0)" }
    }

    private static func distrust(_ status: stat) -> String? {
        guard status.st_uid == 0 || status.st_uid == geteuid() else {
            return "belongs to user \(status.st_uid), who could change it at any time: give it to root (chown root)"
        }
        guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            return "can be written by others than its owner: take that away (chmod go-w)"
        }
        return nil
    }

    private static func read(_ path: String, limit: Int, _ check: (stat) throws(Errno) -> Void) throws(Errno) -> String {
        do {
            let file = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
            return try file.closeAfter {
                var status = stat()
                guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
                guard status.st_mode & S_IFMT == S_IFREG else { throw Errno.invalidArgument }
                try check(status)
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
