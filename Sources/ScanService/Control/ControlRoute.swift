import HTTPTypes
import ScanAPI

/// What a path of the control interface stands for.
enum ControlRoute: Sendable, Equatable {
    case status, openAPI, plans, jobs, reload, reopen, backup, halt, unhalt
    case job(JobReference)
    case pause(JobReference)
    case resume(JobReference)
    case cancel(JobReference)
    case retry(JobReference)
    case events(JobReference)
    case findings(JobReference)

    /// Throws `Refusal` for a path that stands for nothing.
    init(path: String) throws(Refusal) {
        switch path {
        case Routes.status: self = .status
        case Routes.openAPI: self = .openAPI
        case Routes.plans: self = .plans
        case Routes.jobs: self = .jobs
        case Routes.reload: self = .reload
        case Routes.reopen: self = .reopen
        case Routes.backup: self = .backup
        case Routes.halt: self = .halt
        case Routes.unhalt: self = .unhalt
        default: self = try Self.ofJob(path)
        }
    }

    private static func ofJob(_ path: String) throws(Refusal) -> ControlRoute {
        let unknown = Refusal(.notFound, "There is no \(RequestReader.shown(path)): GET \(Routes.openAPI) describes what there is.")
        guard path.hasPrefix(Routes.jobs + "/") else { throw unknown }
        let text = String(path.dropFirst(Routes.jobs.count + 1).prefix { $0 != "/" })
        guard let job = JobReference(text) else { throw unknown }
        switch path {
        case Routes.job(text): return .job(job)
        case Routes.pause(text): return .pause(job)
        case Routes.resume(text): return .resume(job)
        case Routes.cancel(text): return .cancel(job)
        case Routes.retry(text): return .retry(job)
        case Routes.events(text): return .events(job)
        case Routes.findings(text): return .findings(job)
        default: throw unknown
        }
    }

    /// The job that it is about, nil where it is about none.
    var reference: JobReference? {
        switch self {
        case .job(let job), .pause(let job), .resume(let job), .cancel(let job), .retry(let job), .events(let job), .findings(let job): job
        default: nil
        }
    }

    /// The methods that the path answers, each with the command's name in the audit log and the least role that may give it. Whose job it is and what
    /// is asked for can narrow that further.
    var commands: [HTTPRequest.Method: (name: String, role: Role)] {
        switch self {
        case .status: [.get: ("status", .viewer)]
        case .openAPI: [.get: ("openapi", .viewer)]
        case .plans: [.post: ("plan", .viewer)]
        case .jobs: [.get: ("jobs", .viewer), .post: ("submit", .operator)]
        case .reload: [.post: ("reload", .admin)]
        case .reopen: [.post: ("reopen", .admin)]
        case .backup: [.get: ("backup", .admin)]
        case .halt: [.post: ("halt", .admin)]
        case .unhalt: [.post: ("unhalt", .admin)]
        case .job: [.get: ("show", .viewer), .patch: ("change", .operator), .delete: ("delete", .operator)]
        case .pause: [.post: ("pause", .operator)]
        case .resume: [.post: ("resume", .operator)]
        case .cancel: [.post: ("cancel", .operator)]
        case .retry: [.post: ("retry", .operator)]
        case .events: [.get: ("follow", .viewer)]
        case .findings: [.get: ("results", .viewer)]
        }
    }
}
