package import ScanTargets

/// A scan as its submitter asks for it, the body of `POST /v1/jobs` and `POST /v1/plans`.
package struct JobRequest: Codable, Sendable, Equatable {
    /// Matches `[A-Za-z0-9._-]{1,64}`.
    package var name: String?
    /// Target expressions: addresses, blocks, ranges, names, `address:port`.
    package var targets: [String]
    /// Target expressions to leave out.
    package var exclude: [String]?
    /// Where the texts of `exclude` come from, in their order; absent: each is told of by itself.
    package var excludeSources: [ExcludeSource]?
    /// A port expression; absent: the most common 1000.
    package var ports: String?
    /// The N most common ports, 1...65535, in place of `ports`.
    package var topPorts: Int?
    /// A port expression to leave out.
    package var excludePorts: String?
    /// Probes a second, 1...the daemon's `max_rate`; absent: the rate that the path carries is found.
    package var rate: Int?
    /// The most that a rate that is found may be, in place of `rate`; absent: the daemon's `max_rate`.
    package var maxRate: Int?
    /// How many more times a silent target is probed at most, 0...8; absent: 8.
    package var retries: Int?
    /// When it is complete enough; absent: `RecallGoal.usual`.
    package var recall: RecallGoal?
    package var tcpOptions: TCPOptions?
    /// The states that are recorded in store and log; absent: the configuration's `[results] states`.
    package var states: [TargetState]?
    /// Whether hosts that answer everything are probed and reported port by port like all others; absent: false.
    package var reportAll: Bool?
    /// Whether the log tells of each host whether it is up or down; absent: false.
    package var reportHosts: Bool?
    /// Whether one target that cannot be scanned (a name that does not resolve, a dead gateway, a blackhole route) refuses the whole job; absent:
    /// false, the others are scanned.
    package var strict: Bool?
    /// The interface that its probes leave by, and the address they come from; absent: what configuration and routes say.
    package var interface: String?
    package var sourceAddress: IPAddress?
    /// Absent: `normal`.
    package var priority: JobPriority?
    /// When the job ends, finished or not. RFC 3339.
    package var deadline: Timestamp?

    /// A list of exclusions.
    package struct ExcludeSource: Codable, Sendable, Equatable {
        /// A file's name, or the expression itself.
        package var name: String
        /// How many texts of `exclude` are its.
        package var count: Int

        package init(name: String, count: Int) {
            self.name = name
            self.count = count
        }
    }

    package init(targets: [String]) {
        self.targets = targets
    }
}
