import Glibc

/// The machine's groups (group(5)).
enum SystemGroup {
    /// The number of the group called `name`, nil when there is none. Blocks.
    static func id(of name: String) -> UInt32? {
        var entry = group()
        var buffer = [CChar](repeating: 0, count: 1 << 16)
        var found: UnsafeMutablePointer<group>?
        guard getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return entry.gr_gid
    }
}
