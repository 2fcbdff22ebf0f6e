package import ArgumentParser
import ScanAPI

/// `synscan scan`
package struct ScanCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "scan",
        abstract: "Submit a scan and follow it to its end.",
        discussion: """
            Progress goes to standard error, the findings go to standard output. On a terminal the table ends after \
            \(FindingPrinter.terminalLimit) rows; synscan results prints them all. Ctrl-C asks whether to detach from the job or to cancel it; \
            where there is no terminal it detaches.

            With --json standard output is NDJSON: one finding a line, and the job itself as the last line, so
              jq -r 'select(.port) | .address'      picks the findings
              jq 'select(.account) | .account.open' picks the job
            With --detach, or after a detachment, the job is the only line.
            """)

    @OptionGroup var target: TargetOptions

    @Option(help: ArgumentHelp("A name for the job: letters, digits, dots, underscores, dashes.", valueName: "name"))
    var name: String?

    @Flag(help: "Submit only; the job goes on by itself.")
    var detach = false

    @OptionGroup var common: CommonOptions

    package init() {}

    /// What is asked of the daemon, still unread and unparsed.
    package var draft: RequestDraft {
        var draft = target.draft
        draft.name = name
        return draft
    }

    package func execute() async throws -> CommandStatus {
        let socket = try common.socketPath()
        let request = try ControlRequest.submit(try draft.request(services: SystemServices.read))
        if detach { return try await submit(request) }
        let json = common.json
        let end = try await FollowSession(socket).run { session in
            try await ControlConnection.open(socket) { connection in
                let job = try await connection.reply(to: request, as: Job.self).value
                return try await JobEnding(json: json).follow(JobReference(id: job.id), on: connection, in: session)
            }
        }
        return try JobEnding(json: json).status(of: end)
    }

    private func submit(_ request: ControlRequest) async throws -> CommandStatus {
        _ = try await common.ask(request, as: Job.self) { job, _ in
            "\(JobTexts.title(job)) is \(job.state.rawValue); follow it with: synscan follow \(job.id)\n"
        }
        return .done
    }
}
