import NIOCore
import ScanAPI

/// How `scan` and `follow` end: the findings and the account of the job.
struct JobEnding: Sendable {
    /// Standard output gets the findings and the job as JSON.
    let json: Bool

    /// Follows `job` to its end and prints what it found.
    func follow(
        _ job: JobReference, from submission: ControlConnection.Reply<Job>? = nil, on connection: ControlConnection,
        in session: FollowSession
    ) async throws -> CommandStatus {
        try await session.follow(job, from: submission, on: connection) { final, connection in
            try await report(final, lastLine: session.lastState, on: connection)
        }
    }

    private func report(_ final: Job, lastLine: [UInt8], on connection: ControlConnection) async throws -> CommandStatus {
        let console = Console.standard()
        let reference = JobReference(id: final.id)
        let limit = console.terminal.isInteractive ? FindingPrinter.terminalLimit : .max
        try await Self.printFindings(of: reference, on: connection, console: console, json: json, limit: limit)
        if json {
            try console.printJSON(lastLine)
            try console.output.flush()
        } else {
            Console.note(JobTexts.summary(final))
        }
        return CommandStatus(of: final)
    }

    /// After a detachment the last state that was seen is all there is to print.
    func status(of end: FollowSession.End) throws -> CommandStatus {
        switch end {
        case .status(let status):
            return status
        case .detached(let lastLine):
            if json, !lastLine.isEmpty {
                let console = Console.standard()
                try console.printJSON(lastLine)
                try console.output.flush()
            }
            return .done
        }
    }

    /// Prints the findings so far: a table, or with `json` their lines as they are.
    static func printFindings(
        of job: JobReference, on connection: ControlConnection, console: Console, json: Bool, limit: Int = .max
    ) async throws {
        let request = ControlRequest.findings(job)
        guard !json else {
            try await connection.lines(of: request) { line in
                try console.printJSON(line)
                return true
            }
            return try console.output.flush()
        }
        var printer = FindingPrinter(console, job: job, limit: limit)
        do {
            try await connection.lines(of: request) { line in try printer.add(line) }
        } catch let error as DecodingError {
            throw ControlConnection.misunderstood(request, error)
        }
        try printer.finish()
    }
}
