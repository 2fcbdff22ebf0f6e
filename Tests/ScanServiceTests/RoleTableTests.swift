import ScanAPI
import ScanFiles
import ScanService
import Testing

@Suite("Who may do what")
struct RoleTableTests {
    private static var table: RoleTable {
        var table = RoleTable()
        table.add(user: 1001, as: .viewer)
        table.add(group: 50, as: .admin)
        table.add(group: 51, as: .operator)
        table.add(group: 51, as: .viewer)
        return table
    }

    @Test(
        "Roles",
        arguments: [
            // Root, whatever its groups.
            (0, [0], .admin), (0, [51], .admin),
            // By user, by group, by a supplementary group.
            (1001, [1001], .viewer), (1002, [50], .admin), (1002, [1002, 7, 50], .admin), (1002, [51], .operator),
            // The greatest counts.
            (1001, [1001, 51, 50], .admin), (1001, [1001, 51], .operator),
            // The socket's group.
            (1002, [1002, 20], .operator), (1001, [20], .operator),
            // Strangers, and the group of root, which is not root.
            (1002, [1002], nil), (1002, [0], nil), (1002, [], nil),
        ] as [(UInt32, [UInt32], Role?)])
    func roles(uid: UInt32, groups: [UInt32], role: Role?) {
        #expect(Self.table.role(uid: uid, groups: groups, socketGroup: 20) == role)
    }

    @Test("Without a socket's group nobody is in it")
    func noGroup() {
        #expect(RoleTable().role(uid: 1, groups: [0, 1], socketGroup: nil) == nil)
        #expect(RoleTable().role(uid: 0, groups: [], socketGroup: nil) == .admin)
    }

    @Test("Users and groups are read from the configuration, and a slip is told with its line")
    func configuration() throws {
        let configuration = try Configuration(toml: "[control.roles]\nviewer = [\"daemon\"]\nadmin = [\"@adm\", \"bin\"]\n", file: "c.toml")
        let roles = configuration.control.roles
        #expect(roles.role(uid: 1, groups: [], socketGroup: nil) == .viewer)
        #expect(roles.role(uid: 2, groups: [], socketGroup: nil) == .admin)
        #expect(roles.role(uid: 77, groups: [4], socketGroup: nil) == .admin)
        for (text, word) in [("no-such-user", "no user no-such-user"), ("@no-such-group", "no group no-such-group")] {
            let error = try #require(throws: FileFault.self) {
                try Configuration(toml: "[control.roles]\noperator = [\"\(text)\"]\n", file: "c.toml")
            }
            #expect(error.description.contains("line 2") && error.description.contains(word), "\(error)")
        }
        let error = try #require(throws: FileFault.self) { try Configuration(toml: "[control.roles]\nroot = []\n", file: "c.toml") }
        #expect(error.description.contains("admin, operator, viewer"), "\(error)")
    }
}
