import Glibc
import SystemPackage

/// Finds out which lines have reached the log, after a restart or after somebody has changed it, and takes torn ones out.
struct LogRecovery {
    /// The log's configured path.
    let path: String
    /// The marks by which its file may be known, the latest first.
    let marks: [LogMark]
    /// The last line that the store knows.
    let stored: Int64

    /// What was found.
    struct Finding {
        /// The last line that need not be written again.
        var last: Int64
        /// The greatest number of a job in lines that the store does not know.
        var highestJob: Int64 = 0
        /// The marked file is not there any more, or does not hold what it held.
        var isGone = false
    }

    /// Lines are looked for behind the mark, in the marked file (under its path or, renamed or copied, beside it) and then in the file that has taken
    /// its place. Where the marked file is gone, nobody knows what it held behind the mark, and the mark's own number is the answer. Afterwards the log
    /// holds whole lines only; what others have written there stays.
    ///
    /// `unknown` gets the lines that the store does not know, because it is older than the log.
    func run(_ unknown: (ArraySlice<UInt8>) throws -> Void) throws -> Finding {
        var finding = Finding(last: marks.first?.seq ?? stored)
        // Before the first mark of a file nothing tells a copy of it from another: the lines do.
        if let mark = marks.first, mark.offset == 0, mark.seq < stored, let copy = newestNeighbour {
            finding.add(try copy.closeAfter { try repair(copy, from: 0, after: mark.seq, isOurs: false, unknown) })
        }
        if let (name, marked, mark) = markedFile() {
            if mark.offset > 0 { finding.last = mark.seq }
            let last = finding.last
            finding.add(try marked.closeAfter { try repair(marked, from: mark.offset, after: last, isOurs: true, unknown) })
            if name == path { return finding }
        } else {
            finding.isGone = (marks.first?.offset ?? 0) > 0
        }
        guard let current = try? Self.open(path) else { return finding }
        let last = finding.last
        let scan = try current.closeAfter { try repair(current, from: 0, after: last, isOurs: false, unknown) }
        finding.add(scan)
        guard scan.highest == 0, let before = newestNeighbour else { return finding }
        let seen = finding.last
        finding.add(
            try before.closeAfter {
                try look(at: before, from: 0, after: seen, isOurs: false) { line, verdict in
                    if verdict == .unknown { try unknown(line) }
                }
            })
        return finding
    }

    private static func open(_ path: String, _ mode: FileDescriptor.AccessMode = .readWrite) throws -> FileDescriptor {
        try FileDescriptor.open(path, mode, options: [.closeOnExec, .noFollow, .nonBlocking])
    }

    // MARK: - Which file

    /// The file that a mark speaks of, if it is still there and still begins with what was marked.
    ///
    /// It is known by its inode and by what stands before the mark, not by its device, whose number is another after a reboot. Where a line of ours
    /// stands before the mark, that is enough: so a copy is known, too.
    private func markedFile() -> (name: String, file: FileDescriptor, mark: LogMark)? {
        let names = [path] + neighbours
        for (index, mark) in marks.enumerated() where index == 0 || mark.isDistinctive {
            for takesCopies in mark.isDistinctive ? [false, true] : [false] {
                for name in names {
                    var status = stat()
                    guard lstat(name, &status) == 0, takesCopies || UInt64(status.st_ino) == mark.inode, status.st_mode & S_IFMT == S_IFREG,
                        Int64(status.st_size) >= mark.offset, let file = try? Self.open(name)
                    else { continue }
                    // An inode number is used again after its file has gone.
                    let tail = try? ResultsLog.bytes(of: file, before: mark.offset, count: Int64(mark.tail.count))
                    if tail == mark.tail { return (name, file, mark) }
                    try? file.close()
                }
            }
        }
        return nil
    }

    /// The other files of the log's directory.
    private var neighbours: [String] {
        let directory = FilePath(path).removingLastComponent()
        guard let stream = opendir(directory.string) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(directory.appending(name).string) }
        }
        return names.filter { $0 != path }
    }

    /// The latest of the files that were the log before, or are copies of it.
    private var newestNeighbour: FileDescriptor? {
        var newest: (time: timespec, name: String)?
        for name in neighbours where name.hasPrefix(path) {
            var status = stat()
            guard lstat(name, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else { continue }
            let time = status.st_mtim
            if let newest, (newest.time.tv_sec, newest.time.tv_nsec) > (time.tv_sec, time.tv_nsec) { continue }
            newest = (time, name)
        }
        return newest.flatMap { try? Self.open($0.name) }
    }

    // MARK: - What is in it

    /// Reads lines from `start` on; takes out what is torn or out of order and stands in the outbox.
    private func repair(
        _ file: FileDescriptor, from start: Int64, after seq: Int64, isOurs: Bool, _ unknown: (ArraySlice<UInt8>) throws -> Void
    ) throws -> LineScan {
        // A store that is older than the log knows nothing of what it misses there: then everything stays but a torn end.
        var isOlder = false
        var isWhole = true
        let scan = try look(at: file, from: start, after: seq, isOurs: isOurs) { line, verdict in
            if verdict == .drop { isWhole = false }
            guard verdict == .unknown else { return }
            isOlder = true
            try unknown(line)
        }
        if !isWhole { try compact(file, from: start, after: seq, isOurs: isOurs, keepsLines: isOlder) }
        guard fdatasync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
        return scan
    }

    /// Moves what stays over what does not, and cuts the file behind it.
    private func compact(_ file: FileDescriptor, from start: Int64, after seq: Int64, isOurs: Bool, keepsLines: Bool) throws {
        var (source, end) = (start, start)
        var kept: [UInt8] = []
        func flush() throws {
            if !kept.isEmpty { try file.writeAll(toAbsoluteOffset: end, kept) }
            end += Int64(kept.count)
            kept = []
        }
        _ = try look(at: file, from: start, after: seq, isOurs: isOurs) { line, verdict in
            let stays = verdict != .drop || keepsLines && line.last == UInt8(ascii: "\n")
            if stays, source == end, kept.isEmpty {
                end += Int64(line.count)
            } else if stays {
                kept += line
            }
            source += Int64(line.count)
            if kept.count > Self.piece { try flush() }
        }
        try flush()
        guard ftruncate(file.rawValue, off_t(end)) == 0 else { throw Errno(rawValue: errno) }
    }

    private static let piece = 1 << 18

    private func look(
        at file: FileDescriptor, from start: Int64, after seq: Int64, isOurs: Bool,
        _ each: (ArraySlice<UInt8>, LineScan.Verdict) throws -> Void
    ) throws -> LineScan {
        var scan = LineScan(after: seq, stored: stored, isOurs: isOurs)
        var piece = [UInt8](repeating: 0, count: Self.piece)
        var position = start
        while true {
            let count = try piece.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: position, into: $0) }
            guard count > 0 else { break }
            position += Int64(count)
            try scan.read(piece[..<count], each)
        }
        try scan.end(each)
        return scan
    }
}

extension LogRecovery.Finding {
    fileprivate mutating func add(_ scan: LineScan) {
        last = max(last, scan.last)
        highestJob = max(highestJob, scan.highestJob)
    }
}

extension LogMark {
    /// Whether a whole line of ours with the marked number stands before the mark, so that no other file ends like that.
    fileprivate var isDistinctive: Bool {
        tail.split(separator: UInt8(ascii: "\n")).contains { LineScan.seq(of: $0) == seq }
    }
}
