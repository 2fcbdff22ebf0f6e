/// The control interface's paths, in one place for daemon, client and the OpenAPI document.
package enum Routes {
    package static let status = "/v1/status"
    package static let openAPI = "/v1/openapi.json"
    package static let plans = "/v1/plans"
    /// GET: a JSON array of all `Job`s, the oldest first. POST a `JobRequest`: 201 with the queued `Job`.
    package static let jobs = "/v1/jobs"

    /// `job` is an id or a name; both hold only characters that need no escaping in a path.
    package static func job(_ job: String) -> String { "\(jobs)/\(job)" }
    /// POST without a body: 200 with the `Job`.
    package static func cancel(_ job: String) -> String { "\(jobs)/\(job)/cancel" }
    /// NDJSON: a `Job` now, at every change of state, and some times a second while it runs; ends with the job.
    package static func events(_ job: String) -> String { "\(jobs)/\(job)/events" }
    /// NDJSON: the job's `Finding`s so far, ordered by address and port.
    package static func findings(_ job: String) -> String { "\(jobs)/\(job)/findings" }
}

/// Where the daemon listens unless told otherwise.
package enum ControlSocket {
    package static let defaultPath = "/run/synscan/synscan.sock"
    package static let environmentVariable = "SYNSCAN_SOCKET"
}
