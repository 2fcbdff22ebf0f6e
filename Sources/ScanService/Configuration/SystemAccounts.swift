import Glibc

/// The machine's users and groups (passwd(5), group(5)). All of it blocks.
enum SystemAccounts {
    /// The number of the group called `name`, nil when there is none.
    static func group(_ name: String) -> UInt32? {
        var entry = Glibc.group()
        var buffer = [CChar](repeating: 0, count: 1 << 16)
        var found: UnsafeMutablePointer<Glibc.group>?
        guard getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return entry.gr_gid
    }

    /// The number of the user called `name`, nil when there is none.
    static func user(_ name: String) -> UInt32? {
        var entry = passwd()
        var buffer = [CChar](repeating: 0, count: 1 << 16)
        var found: UnsafeMutablePointer<passwd>?
        guard getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return entry.pw_uid
    }
}
