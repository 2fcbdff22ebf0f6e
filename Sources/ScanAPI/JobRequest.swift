package import ScanTargets

/// A scan as its submitter asks for it, the body of `POST /v1/jobs` and `POST /v1/plans`.
package struct JobRequest: Codable, Sendable, Equatable {
    /// Matches `[A-Za-z0-9._-]{1,64}`.
    package var name: String?
    /// Target expressions: addresses, blocks, ranges, names, `address:port`.
    package var targets: [String]
    /// Target expressions to leave out.
    package var exclude: [String]?
    /// A port expression; absent: the most common 1000.
    package var ports: String?
    /// The N most common ports, 1...65535, in place of `ports`.
    package var topPorts: Int?
    /// A port expression to leave out.
    package var excludePorts: String?
    /// Probes a second, 1...`max_rate`; absent: `max_rate`.
    package var rate: Int?
    /// How many more times a silent target is probed, 0...8; absent: 2.
    package var retries: Int?
    package var tcpOptions: TCPOptions?
    /// The states that are recorded in store and log; absent: the configuration's `[results] states`.
    package var states: [TargetState]?
    /// Absent: `normal`.
    package var priority: JobPriority?
    /// When the job ends, finished or not. RFC 3339.
    package var deadline: Timestamp?

    package init(targets: [String]) {
        self.targets = targets
    }
}
