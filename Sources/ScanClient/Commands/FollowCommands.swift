package import ArgumentParser
import ScanAPI

/// `synscan follow JOB`
package struct FollowCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "follow",
        abstract: "Follow a job to its end, as scan does.",
        discussion: """
            With --json standard output is NDJSON: the job now, at every change of state and some times a second while it runs. The last line is \
            its final state; synscan results prints the findings.
            """)

    @OptionGroup var job: JobArgument
    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        let socket = try common.socketPath()
        let reference = try job.reference()
        let json = common.json
        let end = try await FollowSession(socket).run { session in
            try await ControlConnection.open(socket) { connection in
                guard json else { return try await JobEnding(json: false).follow(reference, on: connection, in: session) }
                let console = Console.standard()
                let final = try await session.follow(reference, on: connection) { line in
                    try console.printJSON(line)
                    try console.output.flush()
                }
                return CommandStatus(of: final.state)
            }
        }
        // Its JSON has been printed as it came, the last line too.
        return try JobEnding(json: false).status(of: end)
    }
}

/// `synscan results JOB`
package struct ResultsCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "results",
        abstract: "Print a job's findings so far, by address and port.",
        discussion: "With --json: NDJSON, one finding a line.")

    @OptionGroup var job: JobArgument
    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        let reference = try job.reference()
        let json = common.json
        try await ControlConnection.open(try common.socketPath()) { connection in
            try await JobEnding.printFindings(of: reference, on: connection, console: .standard(), json: json)
        }
        return .done
    }
}
