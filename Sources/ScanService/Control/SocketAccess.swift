import Glibc
import Logging
import SystemPackage

/// Who can connect to the control socket: its group, or everybody where roles are given to others, too; what each may do is known from the kernel.
struct SocketAccess: Sendable {
    let path: String
    /// Nil where the configured group does not exist.
    let group: UInt32?
    let logger: Logger

    /// Lets in those who have a role. Until this is called for the first time the process's umask keeps everybody else out.
    func apply(_ control: Configuration.Control) {
        let everybody: mode_t = control.roles.isEmpty ? 0 : 0o006
        guard let group else {
            logger.warning("There is no group \(control.group): its members cannot use the socket \(path).")
            chmod(path, 0o600 | everybody)
            return
        }
        guard isOf(group) || chown(path, uid_t.max, group) == 0, chmod(path, 0o660 | everybody) == 0 else {
            return logger.warning("The socket \(path) cannot be given to the group \(control.group): \(Errno(rawValue: errno)).")
        }
    }

    /// Whether the group has it already, as the process's own group has: a sandbox may forbid chown(2).
    private func isOf(_ group: UInt32) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_gid == group
    }
}
