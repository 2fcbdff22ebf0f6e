import Glibc

/// Names of users and groups, from the system's databases (getpwuid_r(3), getgrgid_r(3)).
package enum UserDirectory {
    /// Big enough for groups of some thousand members.
    private static let recordBytes = 262_144

    package static func user(_ id: UInt32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: recordBytes) { buffer in
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            guard let space = buffer.baseAddress, getpwuid_r(id, &entry, space, buffer.count, &found) == 0, found != nil,
                let name = entry.pw_name
            else { return nil }
            return String(cString: name)
        }
    }

    /// The number of a user (getpwnam_r(3)); nil for one who is not known here.
    package static func id(ofUser name: String) -> UInt32? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: recordBytes) { buffer in
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            guard let space = buffer.baseAddress, getpwnam_r(name, &entry, space, buffer.count, &found) == 0, found != nil else {
                return nil
            }
            return entry.pw_uid
        }
    }

    /// `alice`, or `uid 1000` for one who has no name here.
    package static func name(ofUser id: UInt32) -> String { user(id) ?? "uid \(id)" }

    package static func group(_ id: UInt32) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: recordBytes) { buffer in
            var entry = Glibc.group()
            var found: UnsafeMutablePointer<Glibc.group>?
            guard let space = buffer.baseAddress, getgrgid_r(id, &entry, space, buffer.count, &found) == 0, found != nil,
                let name = entry.gr_name
            else { return nil }
            return String(cString: name)
        }
    }

    /// The user who runs this, for sentences that tell what to type.
    package static var currentUser: String { user(geteuid()) ?? String(geteuid()) }
}
