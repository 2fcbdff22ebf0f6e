import FoundationEssentials
import Glibc
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ScanAPI
import ScanEngine
import ScanTargets

/// Answers the control interface's requests.
struct ControlHandlers: Sendable {
    let service: ControlService
    let bodies: RequestBodies

    /// How many jobs a list shows unless asked otherwise, and at most.
    private static let listLimit = 1000
    private static let greatestListLimit = 100_000

    /// Never throws: whatever goes wrong becomes an answer.
    func respond(to request: Request, context: ControlContext) async -> Response {
        let response = await answer(request, context)
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(_ request: Request, _ context: ControlContext) async -> Response {
        do {
            let route = try ControlRoute(path: request.uri.path)
            guard route.methods.contains(request.method) else {
                return Answer.wrongMethod(request.method, request.uri.path, allowed: route.methods)
            }
            let peer = try await Peer(of: context.channel)
            try service.admit(peer)
            return try await answer(route, request, peer, context.channel)
        } catch {
            let refusal = Refusal(of: error)
            if refusal.kind == .internal { service.logger.error("\(refusal.message)") }
            let response = Answer.refusal(refusal)
            // Nobody waits for the rest of a body that is too large.
            return refusal.kind == .tooLarge ? Answer.closing(response) : response
        }
    }

    private func answer(_ route: ControlRoute, _ request: Request, _ peer: Peer, _ channel: any Channel) async throws -> Response {
        switch route {
        case .status: return try Answer.json(try await service.status())
        case .openAPI: return Answer.document(OpenAPIDocument.bytes)
        case .plans:
            return try Answer.json(try await bodies.reading(request, on: channel) { try await service.plan($0) })
        case .jobs where request.method == .post:
            let job = try await bodies.reading(request, on: channel) { try await service.submit($0, by: peer) }
            var response = try Answer.json(job, status: .created)
            response.headers[.location] = Routes.job(String(job.id))
            return response
        case .jobs: return try Answer.json(try await service.jobs(limit: try limit(of: request)))
        case .job(let reference): return try Answer.json(try await service.job(reference))
        case .cancel(let reference): return try Answer.json(try await service.cancel(reference, by: peer))
        case .events(let reference): return try await events(reference)
        case .findings(let reference): return findings(of: try await service.job(reference).id)
        }
    }

    private func limit(of request: Request) throws(Refusal) -> Int {
        guard let text = request.uri.queryParameters["limit"] else { return Self.listLimit }
        guard let limit = Int(text), (1...Self.greatestListLimit).contains(limit) else {
            throw Refusal(.usage, "limit must be 1 to \(Self.greatestListLimit).")
        }
        return limit
    }

    private func events(_ reference: JobReference) async throws -> Response {
        let job = try await service.job(reference)
        let feed = await service.queue.follow(job.id)
        // It may have ended in between: then this is its last state.
        let last = feed == nil ? try await service.job(.id(job.id)) : job
        return Answer.stream { writer in
            guard let feed else { return try await writer.write(Self.line(last)) }
            for await job in feed { try await writer.write(try Self.line(job)) }
        }
    }

    private static func line(_ job: Job) throws -> ByteBuffer {
        var line = ByteBuffer(bytes: try APICoding.encode(job))
        line.writeString("\n")
        return line
    }

    /// Page by page, so that memory is bounded and a slow reader holds no transaction open.
    private func findings(of job: Int64) -> Response {
        let service = service
        return Answer.stream { writer in
            var last: Endpoint?
            var lines = LineBuffer()
            while true {
                let page = try await service.store.findings(of: job, after: last, limit: Self.findingsPage)
                lines.clear()
                for finding in page { service.recorder.formatter.append(streamed: finding, to: &lines) }
                if !page.isEmpty { try await writer.write(ByteBuffer(bytes: lines.bytes)) }
                last = page.last?.endpoint
                if page.count < Self.findingsPage { return }
            }
        }
    }

    private static let findingsPage = 2000
}
