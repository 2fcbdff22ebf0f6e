import Glibc
import SystemPackage

/// Finds out after a restart which lines have reached the log, and cuts off a torn one.
struct LogRecovery {
    /// The log's configured path.
    let path: String
    let mark: LogMark

    /// The number of the last line that is in the log, `mark.seq` or more. Afterwards the log holds whole lines only.
    ///
    /// Lines are looked for behind the mark, in the marked file (under its path or, renamed, beside it) and then in the file that has taken its
    /// place. Where the marked file is gone, nobody knows what it held behind the mark, and the mark's own number is the answer.
    func lastLine() throws(ServiceError) -> Int64 {
        do {
            guard let (name, marked) = markedFile() else { return mark.seq }
            var last = try marked.closeAfter { try lastLine(in: marked, from: mark.offset, after: mark.seq, isOurs: true) }
            guard name != path, let current = try? Self.open(path) else { return last }
            last = try current.closeAfter { try lastLine(in: current, from: 0, after: last, isOurs: false) }
            return last
        } catch {
            throw ServiceError("cannot repair the results log \(path): \(ServiceError.words(error))")
        }
    }

    private static func open(_ path: String) throws -> FileDescriptor {
        try FileDescriptor.open(path, .readWrite, options: [.closeOnExec, .noFollow, .nonBlocking])
    }

    /// The file that the mark speaks of, if it is still there and still begins with what was marked.
    private func markedFile() -> (name: String, file: FileDescriptor)? {
        let directory = FilePath(path).removingLastComponent()
        for name in [path] + Self.names(in: directory).map({ directory.appending($0).string }) {
            var status = stat()
            guard lstat(name, &status) == 0, UInt64(status.st_ino) == mark.inode, UInt64(status.st_dev) == mark.device,
                status.st_mode & S_IFMT == S_IFREG, Int64(status.st_size) >= mark.offset, let file = try? Self.open(name)
            else { continue }
            // An inode number is used again after its file has gone.
            if (try? ResultsLog.tail(of: file, before: mark.offset)) == mark.tail { return (name, file) }
            try? file.close()
        }
        return nil
    }

    private static func names(in directory: FilePath) -> [String] {
        guard let stream = opendir(directory.string) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Reads lines from `start` on as long as each has the next number, and cuts the file behind the last of them. A file that may be somebody
    /// else's (`isOurs` is false) is only cut if lines of ours were found, or if its only line is a torn one of ours.
    private func lastLine(in file: FileDescriptor, from start: Int64, after seq: Int64, isOurs: Bool) throws -> Int64 {
        var scan = LineScan(after: seq)
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        var position = start
        while scan.isGoing {
            let count = try piece.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: position, into: $0) }
            guard count > 0 else { break }
            position += Int64(count)
            scan.read(piece[..<count])
        }
        let end = start + scan.wholeBytes
        let size = try file.seek(offset: 0, from: .end)
        if end < size, isOurs || scan.last > seq || scan.isTornLine {
            guard ftruncate(file.rawValue, off_t(end)) == 0 else { throw Errno(rawValue: errno) }
        }
        guard fdatasync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
        return scan.last
    }
}
