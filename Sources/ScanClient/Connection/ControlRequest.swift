package import FoundationEssentials
package import ScanAPI

/// One request to the daemon.
package struct ControlRequest: Sendable, Equatable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case patch = "PATCH"
        case delete = "DELETE"
    }

    package let method: Method
    package let path: String
    /// JSON, empty for none.
    package let body: Data

    private init(_ method: Method, _ path: String, body: Data = Data()) {
        self.method = method
        self.path = path
        self.body = body
    }

    package static var status: ControlRequest { .init(.get, Routes.status) }
    /// The latest jobs, so many of them; nil for as many as the daemon thinks fit.
    package static func jobs(limit: Int?) -> ControlRequest {
        .init(.get, limit.map { "\(Routes.jobs)?limit=\($0)" } ?? Routes.jobs)
    }
    package static func job(_ job: JobReference) -> ControlRequest { .init(.get, Routes.job(job.path)) }
    package static func events(_ job: JobReference) -> ControlRequest { .init(.get, Routes.events(job.path)) }
    package static func findings(_ job: JobReference) -> ControlRequest { .init(.get, Routes.findings(job.path)) }
    package static func pause(_ job: JobReference) -> ControlRequest { .init(.post, Routes.pause(job.path)) }
    package static func resume(_ job: JobReference) -> ControlRequest { .init(.post, Routes.resume(job.path)) }
    package static func cancel(_ job: JobReference) -> ControlRequest { .init(.post, Routes.cancel(job.path)) }
    package static func retry(_ job: JobReference) -> ControlRequest { .init(.post, Routes.retry(job.path)) }
    package static func delete(_ job: JobReference) -> ControlRequest { .init(.delete, Routes.job(job.path)) }
    package static func change(_ job: JobReference, _ change: JobChange) throws -> ControlRequest {
        .init(.patch, Routes.job(job.path), body: try APICoding.encode(change))
    }
    package static var reload: ControlRequest { .init(.post, Routes.reload) }
    package static var reopen: ControlRequest { .init(.post, Routes.reopen) }
    package static var backup: ControlRequest { .init(.get, Routes.backup) }
    package static var halt: ControlRequest { .init(.post, Routes.halt) }
    package static var unhalt: ControlRequest { .init(.post, Routes.unhalt) }
    package static func submit(_ request: JobRequest) throws -> ControlRequest {
        .init(.post, Routes.jobs, body: try APICoding.encode(request))
    }
    package static func plan(_ request: JobRequest) throws -> ControlRequest {
        .init(.post, Routes.plans, body: try APICoding.encode(request))
    }
}
