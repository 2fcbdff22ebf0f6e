import HTTPTypes
import ScanAPI

/// What a path of the control interface stands for.
enum ControlRoute: Sendable, Equatable {
    case status, openAPI, plans, jobs
    case job(JobReference)
    case cancel(JobReference)
    case events(JobReference)
    case findings(JobReference)

    /// Throws `Refusal` for a path that stands for nothing.
    init(path: String) throws(Refusal) {
        switch path {
        case Routes.status: self = .status
        case Routes.openAPI: self = .openAPI
        case Routes.plans: self = .plans
        case Routes.jobs: self = .jobs
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
        case Routes.cancel(text): return .cancel(job)
        case Routes.events(text): return .events(job)
        case Routes.findings(text): return .findings(job)
        default: throw unknown
        }
    }

    /// The methods that the path answers.
    var methods: [HTTPRequest.Method] {
        switch self {
        case .status, .openAPI, .job, .events, .findings: [.get]
        case .plans, .cancel: [.post]
        case .jobs: [.get, .post]
        }
    }
}
