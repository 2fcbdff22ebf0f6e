import FoundationEssentials
import Glibc
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import PacketIO
package import ScanAPI
import ScanTargets
import Synchronization

/// Answers the control interface's requests.
struct ControlHandlers: Sendable {
    let service: ControlService
    let bodies: RequestBodies
    private let streams = CallerShares(each: .max, all: .max)

    init(service: ControlService, bodies: RequestBodies) {
        self.service = service
        self.bodies = bodies
    }

    /// What of a reason the audit log has.
    private static let reasonBytes = 1000

    /// How many jobs a list shows unless asked otherwise, and at most.
    private static let listLimit = 100
    private static let greatestListLimit = Routes.greatestListLimit

    /// Has `write` write the answer. Whatever goes wrong becomes an answer, and every request is audited: one for whose line there is no room is not
    /// done. A halt always is. Throws what `write` throws.
    func respond(to request: Request, on channel: any Channel, _ write: (Response) async throws -> Void) async throws {
        guard !Self.isHalt(request), let peer = try? service.peers.peer(of: channel) else {
            return try await write(await audited(request, channel, hasRoom: false))
        }
        let hasRole = (try? service.role(of: peer)) != nil
        guard service.work.take(1, by: peer.uid, atMost: hasRole ? Self.requestsOfOne : Self.requestsOfStranger) else {
            return try await write(Self.tooMany(peer.uid, service.audit))
        }
        defer { service.work.giveBack(by: peer.uid) }
        guard service.audit.reserve(for: peer.uid) else { return try await write(Self.unrecordable(service.audit)) }
        try await write(await audited(request, channel, hasRoom: true))
    }

    /// How many requests of one user are worked on at the same time, streams among them; and of one who has no role.
    private static let requestsOfOne = 64
    private static let requestsOfStranger = 4

    private static func isHalt(_ request: Request) -> Bool { request.method == .post && request.uri.path == Routes.halt }

    private static func tooMany(_ uid: UInt32, _ audit: AuditLog) -> Response {
        audit.noteRefused()
        return Answer.closing(
            Answer.refusal(
                Refusal(.limit, "User \(uid) has too many requests in work already, streams among them: wait for one of them, or end one."))
        )
    }

    private static func unrecordable(_ audit: AuditLog) -> Response {
        audit.noteRefused()
        return Answer.closing(
            Answer.refusal(
                Refusal(
                    .unavailable,
                    "The audit log takes no lines at present, and nothing but a halt is done that cannot be recorded: try again later.")))
    }

    private func audited(_ request: Request, _ channel: any Channel, hasRoom: Bool) async -> Response {
        let audit = Mutex(AuditEntry(command: "\(RequestReader.shown(request.method.rawValue)) \(RequestReader.shown(request.uri.path))"))
        let response = await answer(request, channel, audit)
        let entry = audit.withLock { entry in
            entry.status = Int(response.status.code)
            return entry
        }
        if let kept = service.auditBrake.braked(entry) {
            if hasRoom { await service.audit.write(kept) } else { service.audit.note(kept) }
        } else if hasRoom, let uid = entry.peer?.uid {
            service.audit.giveBack(for: uid)
        }
        return request.method == .head ? response.createHeadResponse() : response
    }

    /// Writes what was left out of the audit log and not told yet.
    func end() {
        service.auditBrake.end()
    }

    private func answer(_ request: Request, _ channel: any Channel, _ audit: borrowing Mutex<AuditEntry>) async -> Response {
        let route = Result { () throws(Refusal) in try ControlRoute(path: request.uri.path) }
        let command = (try? route.get())?.commands[request.method]
        if let command { audit.withLock { ($0.command, $0.isKnown, $0.isReading) = (command.name, true, command.role == .viewer) } }
        do {
            let asker = try asker(on: channel, audit)
            let route = try route.get()
            guard let command else {
                audit.withLock { $0.reason = "no such method" }
                return Answer.wrongMethod(request.method, request.uri.path, allowed: Array(route.commands.keys))
            }
            guard asker.role >= command.role else {
                throw Refusal(
                    .refused,
                    "User \(asker.uid) may not do this: it takes the role \(command.role.rawValue), and yours is \(asker.role.rawValue).")
            }
            return try await answer(route, request, asker, channel, audit)
        } catch {
            let refusal = Refusal(of: error)
            audit.withLock { $0.reason = refusal.message.shortened(to: Self.reasonBytes) }
            if refusal.kind == .refused, let route = try? route.get() { await noteTargets(route, request, channel, audit) }
            if refusal.kind == .internal { service.logger.error("\(refusal.message)") }
            let response = Answer.refusal(refusal)
            // Nobody waits for the rest of a body that is too large.
            return refusal.kind == .tooLarge ? Answer.closing(response) : response
        }
    }

    /// Throws for those who may do nothing.
    private func asker(on channel: any Channel, _ audit: borrowing Mutex<AuditEntry>) throws(Refusal) -> Asker {
        let peer = try service.peers.peer(of: channel)
        audit.withLock { $0.peer = peer }
        let role = try service.role(of: peer)
        audit.withLock { $0.role = role }
        return Asker(peer: peer, role: role)
    }

    /// What somebody wanted who was not let: the job, or the targets where the request is small.
    private func noteTargets(
        _ route: ControlRoute, _ request: Request, _ channel: any Channel, _ audit: borrowing Mutex<AuditEntry>
    ) async {
        guard audit.withLock({ $0.targets.isEmpty }), let uid = audit.withLock({ $0.peer?.uid }) else { return }
        if let reference = route.reference, let job = try? await service.job(reference, for: uid) {
            audit.withLock { ($0.job, $0.targets) = (job.id, job.targets) }
        } else if route == .jobs || route == .plans, RequestBodies.isSmall(request) {
            let targets = try? await bodies.reading(JobRequest.self, of: request, on: channel, by: uid) { Self.shownTargets($0) }
            audit.withLock { $0.targets = targets ?? [] }
        }
    }

    private func answer(
        _ route: ControlRoute, _ request: Request, _ asker: Asker, _ channel: any Channel, _ audit: borrowing Mutex<AuditEntry>
    ) async throws -> Response {
        switch route {
        case .status: return try Answer.json(try await service.status(for: asker))
        case .openAPI: return Answer.document(OpenAPIDocument.bytes)
        case .plans:
            let (plan, targets) = try await bodies.reading(JobRequest.self, of: request, on: channel, by: asker.uid) { request in
                (await Result.catching { try await service.plan(request, by: asker) }, Self.shownTargets(request))
            }
            audit.withLock { $0.targets = targets }
            return try Answer.json(try plan.get())
        case .jobs where request.method == .post:
            let (job, targets) = try await bodies.reading(JobRequest.self, of: request, on: channel, by: asker.uid) { request in
                (await Result.catching { try await service.submit(request, by: asker) }, Self.shownTargets(request))
            }
            audit.withLock { $0.targets = targets }
            return try created(try job.get(), audit)
        case .jobs: return try Answer.json(try await service.jobs(limit: try limit(of: request)))
        case .reload: return try Answer.json(try await service.reload())
        case .reopen: return try Answer.json(try await service.reopen())
        case .backup: return Answer.file(try await service.backup())
        case .halt: return try Answer.json(try await service.halt(by: asker))
        case .unhalt: return try Answer.json(try await service.unhalt(by: asker))
        case .job(let reference), .pause(let reference), .resume(let reference), .cancel(let reference), .retry(let reference),
            .events(let reference), .findings(let reference):
            let job = try await service.job(reference, for: asker.uid)
            audit.withLock { ($0.job, $0.targets) = (job.id, job.targets) }
            if case .retry = route { return try created(try await service.retry(job, by: asker), audit) }
            return try await answer(route, about: job, request, asker, channel)
        }
    }

    private func answer(
        _ route: ControlRoute, about job: Job, _ request: Request, _ asker: Asker, _ channel: any Channel
    ) async throws -> Response {
        switch route {
        case .pause: return try Answer.json(try await service.steer(job, .pause, by: asker))
        case .resume: return try Answer.json(try await service.steer(job, .resume, by: asker))
        case .cancel: return try Answer.json(try await service.steer(job, .cancel, by: asker))
        case .events: return try await events(of: job, asker)
        case .findings: return try findings(of: job.id, asker)
        case .job where request.method == .delete: return try Answer.json(try await service.delete(job, by: asker))
        case .job where request.method == .patch:
            let change = try await bodies.reading(JobChange.self, of: request, on: channel, by: asker.uid) { $0 }
            return try Answer.json(try await service.change(job, change, by: asker))
        default: return try Answer.json(job)
        }
    }

    private func created(_ job: Job, _ audit: borrowing Mutex<AuditEntry>) throws -> Response {
        audit.withLock { $0.job = job.id }
        var response = try Answer.json(job, status: .created)
        response.headers[.location] = Routes.job(String(job.id))
        return response
    }

    /// The target expressions for the audit log, shortened as a job's are.
    private static func shownTargets(_ request: JobRequest) -> [String] {
        request.targets.prefix(JobDraft.shownTargets).map(RequestReader.shown)
    }

    private func limit(of request: Request) throws(Refusal) -> Int {
        guard let text = request.uri.queryParameters["limit"] else { return Self.listLimit }
        guard let limit = Int(text), (1...Self.greatestListLimit).contains(limit) else {
            throw Refusal(.usage, "limit must be 1 to \(Self.greatestListLimit).")
        }
        return limit
    }

    private func events(of job: Job, _ asker: Asker) async throws -> Response {
        let feed = try await service.follow(job, by: asker)
        // It may have ended in between: then this is its last state.
        let last = feed == nil ? try await service.job(.id(job.id), for: asker.uid) : job
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

    /// Page by page, so that memory is bounded and a slow reader holds no transaction open: the next page is read when this one is on its way.
    private func findings(of job: Int64, _ asker: Asker) throws -> Response {
        let service = service
        let place = try StreamPlace(streams, asker.uid, limit: asker.limit(service.settings.current.limits.perUserFollowers))
        return Answer.stream { writer in
            defer { withExtendedLifetime(place) {} }
            var last: Endpoint?
            var lines = LineBuffer()
            let scan = service.settings.current.scan
            let zone = try await service.store.job(.id(job))?.narrowing.completed(by: scan).zoneOfLinkLocal
            while true {
                let page = try await service.store.findings(of: job, after: last, limit: Self.findingsPage)
                lines.clear()
                for finding in page { service.recorder.formatter.append(streamed: finding, zone: zone, to: &lines) }
                if !page.isEmpty { try await writer.write(ByteBuffer(bytes: lines.bytes)) }
                last = page.last?.endpoint
                if page.count < Self.findingsPage { break }
            }
            try await writeHosts(of: job, zone, to: &writer)
        }
    }

    private func writeHosts(of job: Int64, _ zone: String?, to writer: inout some ResponseBodyWriter) async throws {
        var last: StoredHost?
        var lines = LineBuffer()
        repeat {
            let page = try await service.store.hosts(of: job, after: last, limit: Self.findingsPage)
            lines.clear()
            for host in page { service.recorder.formatter.append(streamed: host, zone: zone, to: &lines) }
            if !page.isEmpty { try await writer.write(ByteBuffer(bytes: lines.bytes)) }
            last = page.count == Self.findingsPage ? page.last : nil
        } while last != nil
    }

    /// A reader who does not read holds two of these, and what the socket takes.
    private static let findingsPage = 512
}

/// Who asks, and what that one may do.
package struct Asker: Sendable {
    package let peer: Peer
    package let role: Role

    package init(peer: Peer, role: Role) {
        self.peer = peer
        self.role = role
    }

    package var uid: UInt32 { peer.uid }

    /// A limit of `[limits] per_user_…` for this one: nil for admins.
    func limit(_ value: Int) -> Int? { role == .admin ? nil : value }
}
