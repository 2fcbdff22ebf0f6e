/// The daemon as `GET /v1/status` shows it.
package struct DaemonStatus: Codable, Sendable, Equatable {
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

    package init(
        version: String, pid: Int32, started: Timestamp, jobs: [String: Int], maxRate: Int, scopeAllow: [String], scopeDeny: [String],
        resultsLog: String, store: String, configuration: String, portRanking: String
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
    }
}
