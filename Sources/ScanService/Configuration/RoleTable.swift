package import ScanAPI

/// Who may do what. Root is always an admin, the members of the socket's group are operators; `[control.roles]` names further ones, and of several
/// roles the greatest counts.
package struct RoleTable: Sendable, Equatable {
    /// The names as configured, for each role.
    package var words: [Role: [String]] = [:]
    private var users: [UInt32: Role] = [:]
    private var groups: [UInt32: Role] = [:]

    package init() {}

    /// Whether anybody is named besides the socket's group.
    package var isEmpty: Bool { users.isEmpty && groups.isEmpty }

    package mutating func add(user: UInt32, as role: Role) { users[user] = max(users[user] ?? role, role) }
    package mutating func add(group: UInt32, as role: Role) { groups[group] = max(groups[group] ?? role, role) }

    /// What a process of this user and these groups may do; nil for nothing.
    package func role(uid: UInt32, groups memberships: [UInt32], socketGroup: UInt32?) -> Role? {
        if uid == 0 { return .admin }
        var roles = memberships.compactMap { groups[$0] }
        if let own = users[uid] { roles.append(own) }
        if let socketGroup, memberships.contains(socketGroup) { roles.append(.operator) }
        return roles.max()
    }
}
