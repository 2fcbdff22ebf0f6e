import Glibc
package import SystemPackage

/// Whole text files of bounded size.
package enum TextFile {
    /// Reads a regular file as UTF-8, wrong bytes repaired. Throws `EFBIG` above `limit` bytes and `EINVAL` for what is no regular file.
    package static func read(_ path: String, limit: Int = 64 << 20) throws(Errno) -> String {
        try read(path, limit: limit) { _ in }
    }

    /// Reads a file that decides what this process does. Throws unless it, every folder on the way to it from the root and every link on that way
    /// belong to root, or to the user this process runs as, and nobody else can write them.
    package static func readTrusted(_ path: String, limit: Int = 64 << 20) throws(FileFault) -> String {
        let way = wayTo(path)
        var problem = way.problem
        if let problem { throw FileFault(file: path, problem: problem) }
        do {
            return try read(path, limit: limit) { status throws(Errno) in
                problem = distrust(status)
                // The folders that were looked at are those that count.
                if way.end.map({ $0.st_ino != status.st_ino || $0.st_dev != status.st_dev }) ?? true {
                    problem = "was put in place only now, or lies where its folders cannot be checked: try again"
                }
                if problem != nil { throw .permissionDenied }
            }
        } catch {
            let words = error == .invalidArgument ? "is not a regular file" : "cannot be read: \(error)"
            throw FileFault(file: path, problem: problem ?? words)
        }
    }

    /// As many symbolic links the kernel follows (path_resolution(7)).
    private static let mostLinks = 40

    /// What is wrong with a folder or a link that the path leads through, and what stands at its end, nil where nothing does.
    ///
    /// Whoever can write a folder can put another file, folder or link in the place of what is in it, but for those like /tmp where everybody keeps
    /// their own (the sticky bit, inode(7)).
    private static func wayTo(_ path: String) -> (problem: String?, end: stat?) {
        var start = path
        if !path.hasPrefix("/") {
            guard let folder = getcwd(nil, 0) else { return (nil, nil) }
            start = String(cString: folder) + "/" + path
            free(folder)
        }
        var rest = parts(start)
        var place = FilePath("/")
        var links = 0
        while true {
            var status = stat()
            guard lstat(place.string, &status) == 0 else { return (nil, nil) }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                if let problem = distrust(folder: status) { return ("lies below \(place), which \(problem)", nil) }
            case S_IFLNK:
                // Nobody can write a link; its owner can put another in its place, even where the folder is like /tmp.
                if let problem = distrust(owner: status) { return ("is reached by the link \(place), which \(problem)", nil) }
                links += 1
                guard links <= mostLinks, let target = target(of: place.string) else { return (nil, nil) }
                rest += parts(target)
                place = target.hasPrefix("/") ? FilePath("/") : place.removingLastComponent()
            default: return (nil, rest.isEmpty ? status : nil)
            }
            guard let name = rest.popLast() else { return (nil, status) }
            if name == ".." { place = place.removingLastComponent() } else { place.append(name) }
        }
    }

    /// The names of a path, the first one last.
    private static func parts(_ path: String) -> [String] {
        path.split(separator: "/").filter { $0 != "." }.reversed().map { String($0) }
    }

    private static func target(of link: String) -> String? {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(link, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    private static func distrust(folder status: stat) -> String? {
        var status = status
        if status.st_mode & S_ISVTX != 0 { status.st_mode &= ~(S_IWGRP | S_IWOTH) }
        return distrust(status)
    }

    private static func distrust(owner status: stat) -> String? {
        guard status.st_uid != 0, status.st_uid != geteuid() else { return nil }
        return "belongs to user \(status.st_uid), who could change it at any time: give it to root (chown root)"
    }

    private static func distrust(_ status: stat) -> String? {
        if let problem = distrust(owner: status) { return problem }
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
