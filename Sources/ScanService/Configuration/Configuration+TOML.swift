import PacketIO
import ScanAPI
import ScanCore
package import ScanFiles
import ScanTargets

extension Configuration {
    package static let defaultPath = "/etc/synscan/synscand.toml"

    /// Reads the file at `path`, and the deny files it names.
    package static func load(_ path: String) throws(FileFault) -> Configuration {
        try Configuration(toml: try TextFile.readTrusted(path, limit: 1 << 20), file: path)
    }

    /// Reads TOML text; `file` is its name in errors.
    package init(toml text: String, file: String) throws(FileFault) {
        var root = try TableReader(text: text, file: file)
        var table = try root.table("control")
        control = try Control(&table)
        var roles = try table.table("roles")
        control.roles = try RoleTable(&roles)
        try roles.finish()
        try table.finish()
        table = try root.table("store")
        store = try Store(&table)
        try table.finish()
        table = try root.table("results")
        results = try Results(&table)
        try table.finish()
        table = try root.table("scope")
        scope = try Scope.read(&table)
        try table.finish()
        table = try root.table("limits")
        limits = try Limits(&table)
        try table.finish()
        table = try root.table("scan")
        scan = try Scan(&table)
        try table.finish()
        try root.finish()
    }
}

extension Configuration.Control {
    init(_ table: inout TableReader) throws(FileFault) {
        if let path = try table.path("socket") {
            // What a Unix socket's address holds (unix(7)), less what NIO keeps for itself.
            guard path.utf8.count <= 103 else { throw table.fault("socket", "is longer than the 103 bytes that a socket's path may have") }
            socket = path
        }
        if let name = try table.string("group") {
            guard !name.isEmpty, !name.utf8.contains(where: { $0 <= 0x20 || $0 == UInt8(ascii: ":") }) else {
                throw table.fault("group", "\"\(name)\" cannot be the name of a group")
            }
            group = name
        }
        if let path = try table.path("audit_log") { auditLog = path }
    }
}

extension RoleTable {
    /// Reads `[control.roles]`: for each role a list of users, and of groups with an @ before.
    init(_ table: inout TableReader) throws(FileFault) {
        self.init()
        for role in Role.allCases {
            let names = try table.strings(role.rawValue) ?? []
            guard !names.isEmpty else { continue }
            words[role] = names
            for name in names { try add(name, as: role, table) }
        }
    }

    private mutating func add(_ name: String, as role: Role, _ table: TableReader) throws(FileFault) {
        if name.hasPrefix("@") {
            guard let group = SystemAccounts.group(String(name.dropFirst())) else {
                throw table.fault(role.rawValue, "there is no group \(name.dropFirst()); make it (groupadd), or leave it out")
            }
            add(group: group, as: role)
        } else {
            guard let user = SystemAccounts.user(name) else {
                throw table.fault(role.rawValue, "there is no user \(name); groups are written with an @ before: \"@\(name)\"")
            }
            add(user: user, as: role)
        }
    }
}

extension Configuration.Store {
    init(_ table: inout TableReader) throws(FileFault) {
        if let path = try table.path("directory") { directory = path }
        if let value = try table.integer("keep_days", in: 1...36_500) { keepDays = Int(value) }
        if let value = try table.integer("max_size", in: 16 << 20...Int64.max) { maxSize = value }
    }
}

extension Configuration.Results {
    init(_ table: inout TableReader) throws(FileFault) {
        if let path = try table.path("log") { log = path }
        if let value = try table.integer("min_free", in: 0...Int64.max) { minFree = value }
        guard let words = try table.strings("states") else { return }
        let known = TargetState.allCases.map(\.rawValue).joined(separator: ", ")
        states = []
        for word in words {
            guard let state = TargetState(rawValue: word) else {
                throw table.fault("states", "\"\(word)\" is no state; the states are \(known)")
            }
            states.insert(state)
        }
        guard !states.isEmpty else { throw table.fault("states", "is empty, so nothing would be recorded; choose from \(known)") }
    }
}

extension Configuration.Limits {
    /// More than any Ethernet of today carries, so certainly a slip.
    private static let greatestRate: Int64 = 100_000_000

    init(_ table: inout TableReader) throws(FileFault) {
        if let value = try table.integer("max_rate", in: 1...Self.greatestRate) { maxRate = Int(value) }
        if let value = try table.integer("max_rate_per_host", in: 1...Self.greatestRate) { maxRatePerHost = Int(value) }
        if let value = try table.integer("max_rate_per_network", in: 1...Self.greatestRate) { maxRatePerNetwork = Int(value) }
        if let value = try table.integer("open_ports_threshold", in: 16...65_536) { openPortsThreshold = Int(value) }
        if let value = try table.integer("max_running_jobs", in: 1...64) { maxRunningJobs = Int(value) }
        if let value = try table.integer("max_job_targets", in: 1...Int64.max) { maxJobTargets = value }
        if let value = try table.integer("max_request_bytes", in: 1024...1 << 30) { maxRequestBytes = Int(value) }
        if let value = try table.integer("per_user_queued", in: 1...1_000_000) { perUserQueued = Int(value) }
        if let value = try table.integer("per_user_running", in: 1...64) { perUserRunning = Int(value) }
        if let value = try table.integer("per_user_followers", in: 1...10_000) { perUserFollowers = Int(value) }
        if let value = try table.seconds("resume_within", in: 1...366 * 86_400) { resumeWithin = value }
        if let value = try table.seconds("give_up", in: 1...366 * 86_400) { giveUp = value }
    }
}

extension Configuration.Scan {
    init(_ table: inout TableReader) throws(FileFault) {
        if let text = try table.string("source_ports") { sourcePorts = try Self.ports(text, table) }
        if let text = try table.string("source_address") {
            guard let address = IPAddress(text) else {
                throw table.fault("source_address", "\"\(text)\" is not an address; write it like 192.0.2.1")
            }
            sourceAddress = address
        }
        if let name = try table.string("interface") {
            guard !name.isEmpty, name.utf8.count < 16, !name.utf8.contains(where: { $0 <= 0x20 || $0 == UInt8(ascii: "/") }) else {
                throw table.fault("interface", "\"\(name)\" cannot be the name of a network interface")
            }
            interface = name
        }
        if let word = try table.string("link"), word != Self.anyLink {
            guard let kind = LinkKind(rawValue: word) else {
                let known = ([Self.anyLink] + LinkKind.allCases.map(\.rawValue)).map { "\"\($0)\"" }.joined(separator: ", ")
                throw table.fault("link", "\"\(word)\" is no way onto the wire; choose from \(known)")
            }
            link = kind
        }
        if let value = try table.integer("send_threads", in: 1...2) { sendThreads = Int(value) }
    }

    private static func ports(_ text: String, _ table: TableReader) throws(FileFault) -> ClosedRange<UInt16> {
        guard let set = PortSet(text), set.ranges.count == 1, let range = set.ranges.first else {
            throw table.fault("source_ports", "\"\(text)\" is not one range of ports; write it like \"61000-65535\"")
        }
        guard range.count >= Int(SourcePortBlock.size) else {
            throw table.fault("source_ports", "\(text) are fewer than the \(SourcePortBlock.size) ports that a job needs")
        }
        return range
    }
}

extension TableReader {
    /// An absolute path.
    fileprivate mutating func path(_ key: String) throws(FileFault) -> String? {
        guard let path = try string(key) else { return nil }
        guard path.hasPrefix("/"), !path.utf8.contains(0), path.utf8.count < 4096 else {
            throw fault(key, "\"\(path)\" is not an absolute path; begin it with /")
        }
        return path
    }
}
