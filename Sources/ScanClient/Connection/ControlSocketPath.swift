import Glibc
import ScanAPI

/// The daemon's socket, and what to tell a user who cannot connect to it.
package struct ControlSocketPath: Sendable, Equatable {
    package let path: String

    private static let longestPath = ControlSocket.longestPath

    /// `option` if it is given, else the environment's, else the default.
    package init(option: String?, environment: (String) -> String?) throws(ClientError) {
        let fromEnvironment = environment(ControlSocket.environmentVariable).flatMap { $0.isEmpty ? nil : $0 }
        path = option ?? fromEnvironment ?? ControlSocket.defaultPath
        guard !path.isEmpty else { throw .usage("The socket's path is empty; write --socket PATH or leave it out.") }
        guard path.utf8.count <= Self.longestPath else {
            throw .usage(
                "The socket's path has \(path.utf8.count) bytes, Unix sockets allow \(Self.longestPath): \(Escaping.forTerminal(path)). Use a shorter one."
            )
        }
    }

    /// Where to connect to, one after the other: root has a socket of its own, where there is no crowd.
    var attempts: [String] {
        let roots = ControlSocket.rootsPath(beside: path)
        return geteuid() == 0 && roots.utf8.count <= Self.longestPath ? [roots, path] : [path]
    }

    /// The error for a connect(2) that failed with `code`.
    package func failure(_ code: Int32) -> ClientError {
        let shown = Escaping.forTerminal(path)
        switch code {
        case ENOENT, ENOTDIR:
            return .unreachable(
                "There is no socket \(shown): synscand is not running, or it listens elsewhere. "
                    + "Start it (systemctl start synscand), or name its socket with --socket or \(ControlSocket.environmentVariable).")
        case EACCES, EPERM:
            return .forbidden(forbidden(shown))
        case ECONNREFUSED where fileType != S_IFSOCK:
            return .unreachable("\(shown) is not a socket; name synscand's with --socket or \(ControlSocket.environmentVariable).")
        case ECONNREFUSED:
            return .unreachable("Nobody listens on \(shown): synscand has ended. Start it (systemctl start synscand).")
        default:
            return .unreachable("Cannot connect to synscand on \(shown): \(String(cString: strerror(code))).")
        }
    }

    /// Names the group to join: the socket's, or that of the first folder on the way that cannot be entered.
    private func forbidden(_ shown: String) -> String {
        let user = Escaping.forTerminal(UserDirectory.currentUser)
        guard let obstacle = obstacle(), obstacle.groupMayUse, obstacle.group != 0 else {
            return "\(user) may not use synscand's socket \(shown), and no group may: ask the administrator, or use sudo."
        }
        let group = Escaping.forTerminal(UserDirectory.group(obstacle.group) ?? String(obstacle.group))
        return "\(user) may not use synscand's socket \(shown): \(obstacle.name) is for the group \(group). "
            + "Join it (sudo usermod -aG \(group) \(user)) and log in again, or use sudo."
    }

    private func obstacle() -> (name: String, group: UInt32, groupMayUse: Bool)? {
        var status = stat()
        if stat(path, &status) == 0 { return ("it", status.st_gid, status.st_mode & S_IWGRP != 0) }
        var folder = path
        while let slash = folder.lastIndex(of: "/"), slash > folder.startIndex {
            folder = String(folder[..<slash])
            if stat(folder, &status) == 0 { return (Escaping.forTerminal(folder), status.st_gid, status.st_mode & S_IXGRP != 0) }
        }
        return nil
    }

    private var fileType: mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }
}
