import Glibc
import PacketIO
import ScanAPI
import ScanCore
import ScanEngine
import Synchronization
import SystemPackage

/// The directory that the store is in, and what lies there besides the database.
enum StoreDirectory {
    /// Files that are there for moments.
    static let temporaryPrefix = "backup-"

    /// Makes the directory, closed to others, or takes one that is there: one that is closed, or open and synscand's already. Any other belongs to
    /// somebody else, and closing it would lock them out.
    static func claim(_ path: String) throws(ServiceError) {
        if mkdir(path, 0o700) == 0 { return }
        guard errno == EEXIST else { throw ServiceError("cannot make the store directory \(path): \(Errno(rawValue: errno))") }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw ServiceError("the store directory \(path) is no directory")
        }
        guard status.st_uid == geteuid() else {
            throw ServiceError(
                "the store directory \(path) belongs to user \(status.st_uid): give synscand one of its own ([store] directory)")
        }
        guard status.st_mode & 0o077 != 0 else { return }
        guard access("\(path)/\(Store.fileName)", F_OK) == 0 else {
            throw ServiceError(
                "the store directory \(path) is open to others, so it may be theirs: give synscand one of its own ([store] directory), "
                    + "or close it (chmod 700 \(path)) if nobody else uses it")
        }
        guard chmod(path, 0o700) == 0 else {
            throw ServiceError("cannot close the store directory \(path) to others: \(Errno(rawValue: errno))")
        }
    }

    /// Removes what a kill has left of a backup. Under the lock.
    static func tidy(_ path: String) {
        guard let stream = opendir(path) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name.hasPrefix(temporaryPrefix), name.contains(".tmp") { unlink("\(path)/\(name)") }
        }
    }

    /// Gives a damaged database another name, with the time in it, and what belongs to it; returns the name.
    static func putAside(_ file: String, in directory: String) throws(ServiceError) -> String {
        let stamp = Timestamp(microseconds: WallClock.microseconds()).description.prefix { $0 != "." }.filter { $0 != "-" && $0 != ":" }
        var (name, number) = ("\(file).damaged-\(stamp)", 1)
        while access("\(directory)/\(name)", F_OK) == 0 {
            number += 1
            name = "\(file).damaged-\(stamp)-\(number)"
        }
        for ending in ["-wal", "-shm", ""] {
            guard rename("\(directory)/\(file)\(ending)", "\(directory)/\(name)\(ending)") == 0 || errno == ENOENT else {
                throw ServiceError("the store \(directory)/\(file) is damaged and cannot be put aside: \(Errno(rawValue: errno))")
            }
        }
        unlink("\(directory)/\(StoreWatch.suspectName)")
        return "\(directory)/\(name)"
    }
}

/// Some room that is kept for the start of a daemon on a full disk: SQLite needs a little before it can even read.
final class DiskReserve: Sendable {
    private let path: String
    /// It was given free and not taken again.
    private let isSpent = Atomic<Bool>(false)
    private let directory: String
    private static let size: Int64 = 1 << 20
    /// Less is left to those who need it now.
    private static let leastFree: Int64 = 16 << 20

    init(directory: String) {
        self.directory = directory
        path = "\(directory)/reserve"
    }

    /// At the start: gives the room free where nothing else is left, takes it where there is enough. Blocks.
    func prepare() {
        if let free = FreeSpace.free(directory), free < Self.size { _ = release() } else { keep() }
    }

    /// Gives the room free; false when there was none.
    func release() -> Bool {
        guard unlink(path) == 0 else { return false }
        isSpent.store(true, ordering: .relaxed)
        return true
    }

    /// Why results wait, where the room was given free and cannot be taken again: what there is is for the store alone. Blocks.
    var shortage: Obstacle? {
        guard isSpent.load(ordering: .relaxed) else { return nil }
        keep()
        guard isSpent.load(ordering: .relaxed) else { return nil }
        return Obstacle(.space, FreeSpace.words("\(directory) has hardly any left"))
    }

    /// Takes the room if there is enough besides and it is not taken yet. Blocks.
    func keep() {
        guard access(path, F_OK) != 0, let free = FreeSpace.free(directory), free > Self.leastFree else { return }
        guard
            let file = try? FileDescriptor.open(
                path, .writeOnly, options: [.create, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
        else { return }
        if posix_fallocate(file.rawValue, 0, off_t(Self.size)) == 0 { isSpent.store(false, ordering: .relaxed) } else { unlink(path) }
        try? file.close()
    }
}

/// Looks after the store's files while the daemon runs. Any thread.
final class StoreWatch: Sendable {
    private struct State {
        var known: [String: FileIdentity] = [:]
        var damage: String?
    }

    private struct FileIdentity: Equatable {
        let device: UInt64
        let inode: UInt64
    }

    private let directory: String
    private let file: String
    private let state = Mutex(State())

    /// There when a running daemon has found damage: the next start looks at everything, however large.
    static let suspectName = "damaged"

    init(directory: String, file: String) {
        self.directory = directory
        self.file = file
    }

    var isSuspect: Bool { access("\(directory)/\(Self.suspectName)", F_OK) == 0 }

    /// Takes the files that are there now for the store's.
    func begin() {
        unlink("\(directory)/\(Self.suspectName)")
        state.withLock { $0.known[file] = identity(of: file) }
    }

    /// Takes note of an error of the store if it means that the database is damaged. Blocks.
    func note(_ error: any Error) {
        guard case .damage = Store.Trouble(error) else { return }
        let isNew = state.withLock { state in
            defer { state.damage = state.damage ?? "\(error)" }
            return state.damage == nil
        }
        guard isNew else { return }
        if let mark = try? FileDescriptor.open(
            "\(directory)/\(Self.suspectName)", .writeOnly, options: [.create, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
        {
            try? mark.close()
        }
    }

    /// What has become of the store; nil while it is well. Two calls of the system.
    var problem: Obstacle? {
        if let damage = state.withLock({ $0.damage }) {
            return Obstacle(
                .store, "the store \(directory)/\(file) is damaged (\(damage)): restart synscand, which keeps it aside and begins a new one"
            )
        }
        // The write-ahead log comes with the first transaction.
        for name in [file, file + "-wal"] {
            let now = identity(of: name)
            let before = state.withLock { state in
                if state.known[name] == nil { state.known[name] = now }
                return state.known[name]
            }
            guard let before, now != before else { continue }
            let what = now == nil ? "was deleted" : "was replaced by another file"
            let advice =
                now == nil
                ? "restart synscand, which writes it anew"
                : "save what it holds (synscan backup) before synscand is restarted with the other file"
            return Obstacle(.store, "the store's file \(directory)/\(name) \(what) while it was in use: \(advice)")
        }
        return nil
    }

    /// Whether the database has no name any more.
    var isDeleted: Bool { state.withLock { $0.known[file] != nil } && identity(of: file) == nil }

    private func identity(of name: String) -> FileIdentity? {
        var status = stat()
        guard lstat("\(directory)/\(name)", &status) == 0 else { return nil }
        return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
    }
}
