import ScanAPI

/// Has the daemon take a job, and follows it to its end or leaves it alone.
struct Submission {
    let common: CommonOptions
    /// Submit only.
    let detach: Bool

    /// `request` is answered by the new job.
    func run(_ request: ControlRequest, on socket: ControlSocketPath) async throws -> CommandStatus {
        detach ? try await submit(request) : try await submitAndFollow(request, on: socket)
    }

    private func submitAndFollow(_ request: ControlRequest, on socket: ControlSocketPath) async throws -> CommandStatus {
        let ending = JobEnding(json: common.json)
        let end = try await FollowSession(socket).run { session in
            try await ControlConnection.open(socket) { connection in
                let submission = try await connection.reply(to: request, as: Job.self)
                return try await ending.follow(JobReference(id: submission.value.id), from: submission, on: connection, in: session)
            }
        }
        return try ending.status(of: end)
    }

    private func submit(_ request: ControlRequest) async throws -> CommandStatus {
        _ = try await common.ask(request, as: Job.self) { job, _ in
            "\(JobTexts.heading(job)) is \(JobTexts.standing(job)); follow it with: synscan follow \(job.id)\n"
        }
        return .done
    }
}
