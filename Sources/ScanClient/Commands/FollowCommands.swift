package import ArgumentParser
import ScanAPI

/// `synscan follow JOB`
package struct FollowCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "follow",
        abstract: "Follow a job to its end, as scan does.",
        discussion: """
            A restart of the daemon is waited for, at most a minute. Ctrl-C asks whether to detach or to cancel the job.

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
                return try await session.follow(
                    reference, on: connection,
                    each: { line in
                        try console.printJSON(line)
                        try console.output.flush()
                    },
                    then: { final, _ in CommandStatus(of: final) })
            }
        }
        // Its JSON has been printed as it came, the last line too.
        return try JobEnding(json: false).status(of: end)
    }
}

/// `synscan wait JOB…`
package struct WaitCommand: ClientCommand {
    package static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Wait silently until jobs are over.",
        discussion: """
            For scripts: nothing is printed, and the exit code is 0 when all of them have finished and 1 when one failed or was cancelled. A \
            restart of the daemon is waited for, at most a minute. With --json: each job's final state, one line each, in the order given.
            """)

    @Argument(help: ArgumentHelp("The jobs' numbers or names; alice/office is the user alice's.", valueName: "job"))
    var jobs: [String]

    @OptionGroup var common: CommonOptions

    package init() {}

    package func execute() async throws -> CommandStatus {
        let socket = try common.socketPath()
        let references = try jobs.map { job throws(ClientError) in try JobReference(typed: job) }
        // All of them first: a slip in the last name shows at once, and a name stands for the same job to the end.
        let replies = try await ControlConnection.open(socket) { connection in
            var replies: [ControlConnection.Reply<Job>] = []
            for reference in references { replies.append(try await connection.reply(to: .job(reference), as: Job.self)) }
            return replies
        }
        var status = CommandStatus.done
        // One after the other, so that many jobs do not use up the followers that a user may have.
        for reply in replies { status = status.worse(try await end(of: reply, on: socket)) }
        return status
    }

    private func end(of reply: ControlConnection.Reply<Job>, on socket: ControlSocketPath) async throws -> CommandStatus {
        var lastLine = Array(reply.bytes)
        var job = reply.value
        if !job.state.isFinal {
            job = try await JobFeed(socket).follow(
                JobReference(id: reply.value.id), from: reply.value, each: { line, _ in lastLine = Array(line) },
                then: { final, _ in final })
        }
        if common.json {
            let console = Console.standard()
            try console.printJSON(lastLine)
            try console.output.flush()
        }
        return CommandStatus(of: job)
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
