package import ArgumentParser

/// A command that asks the daemon something, or several things.
package protocol ClientCommand: ParsableCommand {
    /// Does it and says how it went; errors become an exit code in `Entry` alone.
    func execute() async throws -> CommandStatus
}

/// What every command takes.
package struct CommonOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The daemon's control socket.", discussion: "Without it: $SYNSCAN_SOCKET, else /run/synscan/synscan.sock.", valueName: "path"),
        completion: .file())
    var socket: String?

    @Flag(help: "Print JSON on standard output, with times in UTC.")
    var json = false

    package init() {}

    /// Where to connect.
    func socketPath() throws(ClientError) -> ControlSocketPath {
        try ControlSocketPath(option: socket, environment: Environment.value)
    }

    /// Asks one question over a connection of its own and prints the answer: as it came, or as `text` says it.
    func ask<Value: Decodable & Sendable>(
        _ request: ControlRequest, as type: Value.Type, text: (Value, Style) -> String
    ) async throws -> Value {
        let reply = try await ControlConnection.open(try socketPath()) { try await $0.reply(to: request, as: type) }
        let console = Console.standard()
        if json {
            try console.printJSON(reply.bytes)
        } else {
            try console.output.write(text(reply.value, console.style))
        }
        try console.output.flush()
        return reply.value
    }
}

/// The job that a command is about.
package struct JobArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The job's number or name; alice/office is the user alice's.", valueName: "job"))
    var job: String

    package init() {}

    func reference() throws(ClientError) -> JobReference {
        try JobReference(typed: job)
    }
}
