/// Who stopped all sending, and when: `synscan halt`.
package struct Halt: Codable, Sendable, Equatable {
    package var since: Timestamp
    package var uid: UInt32

    package init(since: Timestamp, uid: UInt32) {
        self.since = since
        self.uid = uid
    }
}

/// What `POST /v1/reload` did.
package struct Reload: Codable, Sendable, Equatable {
    /// What is different now, a line each: `limits.max_rate: 10000 → 20000`.
    package var changed: [String]
    /// What is different in the file and needs a restart of the daemon.
    package var needsRestart: [String]

    package init(changed: [String], needsRestart: [String]) {
        self.changed = changed
        self.needsRestart = needsRestart
    }
}

/// What `POST /v1/reopen` did: the files that are written from now on.
package struct Reopening: Codable, Sendable, Equatable {
    package var resultsLog: String
    package var auditLog: String

    package init(resultsLog: String, auditLog: String) {
        self.resultsLog = resultsLog
        self.auditLog = auditLog
    }
}

/// What somebody may do; each role includes the ones before it.
package enum Role: String, Codable, Sendable, CaseIterable, Comparable {
    /// Read everything, change nothing.
    case viewer
    /// Submit jobs and steer one's own.
    case `operator`
    /// Everything.
    case admin

    package static func < (a: Role, b: Role) -> Bool { a.rank < b.rank }
    private var rank: Int {
        switch self {
        case .viewer: 0
        case .operator: 1
        case .admin: 2
        }
    }
}

/// The daemon as `GET /v1/status` shows it.
package struct DaemonStatus: Codable, Sendable, Equatable {
    /// What the machine's own firewall should know of probes, a line each; absent when there is nothing to say.
    package var advice: [String]?
    package var version: String
    package var pid: Int32
    package var started: Timestamp
    /// How many jobs are in each state.
    package var jobs: [String: Int]
    package var maxRate: Int
    package var scopeAllow: [String]
    package var scopeDeny: [String]
    package var resultsLog: String
    package var store: String
    /// The configuration file.
    package var configuration: String
    /// Where `-p`'s default and `--top-ports` come from.
    package var portRanking: String
    package var auditLog: String
    /// What the one who asks may do.
    package var role: Role
    /// Absent while packets may be sent.
    package var halted: Halt?
    /// What keeps all jobs waiting besides, in words: no space for results, for example.
    package var obstacle: String?

    package init(
        version: String, pid: Int32, started: Timestamp, jobs: [String: Int], maxRate: Int, scopeAllow: [String], scopeDeny: [String],
        resultsLog: String, store: String, configuration: String, portRanking: String, auditLog: String, role: Role
    ) {
        self.version = version
        self.pid = pid
        self.started = started
        self.jobs = jobs
        self.maxRate = maxRate
        self.scopeAllow = scopeAllow
        self.scopeDeny = scopeDeny
        self.resultsLog = resultsLog
        self.store = store
        self.configuration = configuration
        self.portRanking = portRanking
        self.auditLog = auditLog
        self.role = role
    }
}
