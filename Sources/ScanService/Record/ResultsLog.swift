import Glibc
import SystemPackage

/// The file that findings and events are appended to, whole lines only. Used by one thread at a time.
struct ResultsLog: ~Copyable {
    let path: String
    private let file: FileDescriptor
    /// Bytes of whole lines in the file.
    private(set) var length: Int64
    /// A torn line stands behind `length`, because it could not be cut off yet.
    private var isTorn = false

    /// Opens the file, making it if it is not there: 0640, `group`'s. Never follows a symbolic link.
    init(path: String, group: UInt32?) throws(ServiceError) {
        let opened: FileDescriptor
        do {
            opened = try Self.open(path, group: group)
        } catch {
            throw ServiceError("cannot open the results log \(path): \(error)")
        }
        var status = stat()
        guard fstat(opened.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            try? opened.close()
            throw ServiceError("the results log \(path) is not a regular file")
        }
        self.path = path
        file = opened
        length = Int64(status.st_size)
    }

    deinit {
        try? file.close()
    }

    private static func open(_ path: String, group: UInt32?) throws(Errno) -> FileDescriptor {
        let options: FileDescriptor.OpenOptions = [.append, .closeOnExec, .noFollow, .nonBlocking]
        do {
            do {
                let file = try FileDescriptor.open(path, .readWrite, options: options)
                // Whoever made it may not have made its name durable.
                syncDirectory(of: path)
                return file
            } catch Errno.noSuchFileOrDirectory {
                let file = try FileDescriptor.open(
                    path, .readWrite, options: options.union([.create, .exclusiveCreate]), permissions: FilePermissions(rawValue: 0o640))
                fchmod(file.rawValue, 0o640)
                if let group { fchown(file.rawValue, uid_t.max, group) }
                syncDirectory(of: path)
                return file
            }
        } catch let error as Errno {
            throw error
        } catch {
            throw Errno.ioError
        }
    }

    /// Makes the file's name durable. Where that is not possible, the file is at worst new again after a power loss.
    private static func syncDirectory(of path: String) {
        let directory = FilePath(path).removingLastComponent()
        guard let opened = try? FileDescriptor.open(directory, .readOnly, options: [.directory, .closeOnExec]) else { return }
        fsync(opened.rawValue)
        try? opened.close()
    }

    /// Appends whole lines and returns how many bytes of whole lines reached the file, with the error that stopped it. What was written of a line
    /// that did not fit is cut off again.
    mutating func append(_ lines: UnsafeRawBufferPointer) -> (count: Int, failure: Errno?) {
        if isTorn, let failure = cut() { return (0, failure) }
        var position = 0
        while position < lines.count {
            let count = write(file.rawValue, lines.baseAddress.map { $0 + position }, lines.count - position)
            if count > 0 {
                position += count
            } else {
                let code = Errno(rawValue: count == 0 ? ENOSPC : errno)
                if code == .interrupted { continue }
                let whole = (lines[..<position].lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
                length += Int64(whole)
                isTorn = position > whole
                if isTorn { _ = cut() }
                return (whole, code)
            }
        }
        length += Int64(position)
        return (position, nil)
    }

    private mutating func cut() -> Errno? {
        guard ftruncate(file.rawValue, off_t(length)) == 0 else { return Errno(rawValue: errno) }
        isTorn = false
        return nil
    }

    /// Makes the file's content durable and returns the mark for it; `seq` is the last line in it.
    func mark(seq: Int64) throws(Errno) -> LogMark {
        guard fdatasync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw Errno(rawValue: errno) }
        return LogMark(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), offset: length, seq: seq,
            tail: try Self.tail(of: file, before: length))
    }

    /// Begins a new line when the file ends in the middle of one that is not ours.
    mutating func endForeignLine() throws(Errno) {
        guard length > 0, try Self.tail(of: file, before: length).last != UInt8(ascii: "\n") else { return }
        if let failure = withUnsafeBytes(of: UInt8(ascii: "\n"), { append($0) }).failure { throw failure }
    }

    /// The last bytes before `offset`.
    static func tail(of file: FileDescriptor, before offset: Int64) throws(Errno) -> [UInt8] {
        let start = max(0, offset - LogMark.tailLength)
        var bytes = [UInt8](repeating: 0, count: Int(clamping: max(0, offset - start)))
        do {
            let count = try bytes.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: start, into: $0) }
            return Array(bytes.prefix(count))
        } catch {
            throw error as? Errno ?? .ioError
        }
    }
}
