/// The control interface's paths, in one place for daemon, client and the OpenAPI document.
package enum Routes {
    package static let status = "/v1/status"
    package static let openAPI = "/v1/openapi.json"
    package static let plans = "/v1/plans"
    /// GET: a JSON array of all `Job`s, the oldest first. POST a `JobRequest`: 201 with the queued `Job`.
    package static let jobs = "/v1/jobs"
    /// How many jobs `?limit=` can ask for.
    package static let greatestListLimit = 10_000

    /// POST without a body: 200 with a `Reload`, or a `Refusal` that says why nothing was changed.
    package static let reload = "/v1/reload"
    /// POST without a body: 200 with a `Reopening`, when all lines so far are safe in the old files.
    package static let reopen = "/v1/reopen"
    /// GET: the store as an SQLite database, as it was at one moment.
    package static let backup = "/v1/backup"
    /// POST without a body: 200 with the `DaemonStatus`. No packet leaves any more, until `unhalt`.
    package static let halt = "/v1/halt"
    package static let unhalt = "/v1/unhalt"

    /// GET: 200 with the `Job`. PATCH a `JobChange`: 200 with the changed `Job`. DELETE: 200 with the `Job` that is gone; one that is not over is
    /// cancelled first.
    /// `job` is an id or a name; both hold only characters that need no escaping in a path.
    package static func job(_ job: String) -> String { "\(jobs)/\(job)" }
    /// POST without a body, as the next ones: 200 with the `Job`.
    package static func pause(_ job: String) -> String { "\(jobs)/\(job)/pause" }
    package static func resume(_ job: String) -> String { "\(jobs)/\(job)/resume" }
    package static func cancel(_ job: String) -> String { "\(jobs)/\(job)/cancel" }
    /// POST without a body: 201 with the queued `Job` over what this one has left untested.
    package static func retry(_ job: String) -> String { "\(jobs)/\(job)/retry" }
    /// NDJSON: a `Job` now, at every change of state, and some times a second while it runs; ends with the job.
    package static func events(_ job: String) -> String { "\(jobs)/\(job)/events" }
    /// NDJSON: the job's `Finding`s so far, ordered by address and port.
    package static func findings(_ job: String) -> String { "\(jobs)/\(job)/findings" }
}

/// Where the daemon listens unless told otherwise.
package enum ControlSocket {
    package static let defaultPath = "/run/synscan/synscan.sock"
    package static let environmentVariable = "SYNSCAN_SOCKET"
    /// What unix(7) leaves for a path, without the closing zero byte; one less than there is room for on Linux, as SwiftNIO has it.
    package static let longestPath = 103

    /// Root's own socket beside the one for everybody: what others do there does not keep root waiting.
    package static func rootsPath(beside path: String) -> String { "\(path).root" }
}
