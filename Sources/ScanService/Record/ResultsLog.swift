import Glibc
import SystemPackage

/// The file that findings and events are appended to, whole lines only. Used by one thread at a time; nobody else's daemon can have the same one.
final class ResultsLog {
    let path: String
    private let file: FileDescriptor
    /// Bytes in the file, but for a torn line at its end.
    private(set) var length: Int64 = 0
    /// Bytes of a line behind `length` that did not fit and could not be cut off yet.
    private var tornBytes: Int64 = 0
    /// Somebody's line before `length` has no end.
    private var endsInLine = false
    /// What stood before the last mark.
    private var marked: (offset: Int64, tail: [UInt8]) = (0, [])

    /// Opens the file, making it if it is not there: 0640, `group`'s. Never follows a symbolic link.
    ///
    /// Throws `ServiceError` for what is no log for this daemon, and `LogFault` where the system may let it have the file later.
    static func open(_ path: String, group: UInt32?) throws -> ResultsLog {
        let log: ResultsLog
        do {
            log = ResultsLog(path: path, file: try descriptor(path, group: group))
        } catch let code as Errno {
            guard isTransient(code) else { throw ServiceError("cannot open the results log \(path): \(code)") }
            throw LogFault.system(code)
        }
        try log.check()
        try log.resync()
        return log
    }

    private init(path: String, file: FileDescriptor) {
        self.path = path
        self.file = file
    }

    deinit {
        try? file.close()
    }

    private static func descriptor(_ path: String, group: UInt32?) throws -> FileDescriptor {
        let options: FileDescriptor.OpenOptions = [.append, .closeOnExec, .noFollow, .nonBlocking]
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
    }

    /// Whether the file may be had later, without anybody changing the configuration.
    private static func isTransient(_ code: Errno) -> Bool {
        [
            .noSpace, .diskQuotaExceeded, .readOnlyFileSystem, .notPermitted, .ioError, .tooManyOpenFiles, .tooManyOpenFilesInSystem,
            .noMemory,
        ]
        .contains(code)
    }

    private func check() throws {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw ServiceError("the results log \(path) is not a regular file")
        }
        if let problem = Self.distrust(status) { throw ServiceError("the results log \(path) \(problem)") }
        guard flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 else {
            throw ServiceError(
                "the results log \(path) is in use by another synscand (or somebody else has locked it): "
                    + "give each daemon a log of its own ([results] log)")
        }
    }

    /// What is wrong with a log's owner and mode, as a clause; nil when they are in order. Root does not write where others could have put a file.
    static func distrust(_ status: stat) -> String? {
        guard status.st_uid == 0 || status.st_uid == geteuid() else {
            return "belongs to user \(status.st_uid): give it to root (chown root), or move it away"
        }
        guard status.st_mode & S_IWOTH == 0 else { return "can be written by everybody: take that away (chmod o-w), or move it away" }
        return nil
    }

    /// Makes the file's name durable. Where that is not possible, the file is at worst new again after a power loss.
    private static func syncDirectory(of path: String) {
        let directory = FilePath(path).removingLastComponent()
        guard let opened = try? FileDescriptor.open(directory, .readOnly, options: [.directory, .closeOnExec]) else { return }
        fsync(opened.rawValue)
        try? opened.close()
    }

    /// Takes the file as it is now for its whole content.
    func resync() throws {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw LogFault.system(Errno(rawValue: errno)) }
        (length, tornBytes, marked) = (Int64(status.st_size), 0, (0, []))
        endsInLine = try isInLine()
    }

    private func isInLine() throws -> Bool {
        do {
            return length > 0 ? try Self.bytes(of: file, before: length, count: 1).last != UInt8(ascii: "\n") : false
        } catch {
            throw LogFault.system(error)
        }
    }

    /// Whether the log's name still leads to this file.
    var isAtItsPath: Bool {
        var (named, opened) = (stat(), stat())
        return lstat(path, &named) == 0 && fstat(file.rawValue, &opened) == 0 && named.st_ino == opened.st_ino
            && named.st_dev == opened.st_dev
    }

    /// Looks whether the file is still what was written, and takes note of what others have appended; `thoroughly` looks at its content, too.
    func inspect(thoroughly: Bool) -> LogFault? {
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { return .system(Errno(rawValue: errno)) }
        if status.st_nlink == 0 { return access(path, F_OK) == 0 ? .replaced : .deleted }
        let size = Int64(status.st_size)
        guard size >= length else { return .truncated }
        if thoroughly, let tail = try? Self.bytes(of: file, before: marked.offset, count: Int64(marked.tail.count)), tail != marked.tail {
            return .rewritten
        }
        if size > length + tornBytes {
            (length, tornBytes) = (size, 0)
            endsInLine = (try? isInLine()) ?? false
        } else {
            tornBytes = size - length
        }
        return nil
    }

    /// Appends whole lines and returns how many bytes of whole lines reached the file, with what stopped it. What was written of a line that did not
    /// fit is cut off again.
    func append(_ lines: UnsafeRawBufferPointer) -> (count: Int, failure: LogFault?) {
        if let fault = inspect(thoroughly: false) ?? cut() ?? endLine() { return (0, fault) }
        let (position, code) = write(lines)
        guard let code else {
            length += Int64(position)
            return (position, nil)
        }
        let whole = (lines[..<position].lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
        length += Int64(whole)
        tornBytes = Int64(position - whole)
        _ = inspect(thoroughly: false) ?? cut()
        return (whole, .system(code))
    }

    private func write(_ bytes: UnsafeRawBufferPointer) -> (count: Int, failure: Errno?) {
        var position = 0
        while position < bytes.count {
            let count = Glibc.write(file.rawValue, bytes.baseAddress.map { $0 + position }, bytes.count - position)
            if count > 0 {
                position += count
                continue
            }
            let code = Errno(rawValue: count == 0 ? ENOSPC : errno)
            if code != .interrupted { return (position, code) }
        }
        return (position, nil)
    }

    /// Cuts off a torn line, and nothing else: `inspect` has just seen that the file ends with it.
    private func cut() -> LogFault? {
        guard tornBytes > 0 else { return nil }
        guard ftruncate(file.rawValue, off_t(length)) == 0 else { return .system(Errno(rawValue: errno)) }
        tornBytes = 0
        return nil
    }

    /// Begins a new line where the file ends in the middle of somebody's.
    private func endLine() -> LogFault? {
        guard endsInLine else { return nil }
        if let code = withUnsafeBytes(of: UInt8(ascii: "\n"), { write($0) }).failure { return .system(code) }
        length += 1
        endsInLine = false
        return nil
    }

    /// Makes the file's content durable and returns the mark for it; `seq` is the last line in it. Throws `LogFault`.
    func mark(seq: Int64) throws -> LogMark {
        if let fault = inspect(thoroughly: true) ?? cut() { throw fault }
        var status = stat()
        guard fdatasync(file.rawValue) == 0, fstat(file.rawValue, &status) == 0 else { throw LogFault.system(Errno(rawValue: errno)) }
        let tail: [UInt8]
        do {
            tail = try Self.tail(of: file, before: length)
        } catch {
            throw LogFault.system(error)
        }
        marked = (length, tail)
        return LogMark(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), offset: length, seq: seq, tail: tail)
    }

    /// The last bytes before `offset`.
    static func tail(of file: FileDescriptor, before offset: Int64) throws(Errno) -> [UInt8] {
        try bytes(of: file, before: offset, count: LogMark.tailLength)
    }

    /// The last `count` bytes before `offset`, or as many as there are.
    static func bytes(of file: FileDescriptor, before offset: Int64, count: Int64) throws(Errno) -> [UInt8] {
        let start = max(0, offset - count)
        var bytes = [UInt8](repeating: 0, count: Int(clamping: max(0, offset - start)))
        do {
            let count = try bytes.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: start, into: $0) }
            return Array(bytes.prefix(count))
        } catch {
            throw error as? Errno ?? .ioError
        }
    }
}
