package import NIOCore
package import ScanAPI
import Synchronization

/// The time in which a command follows a job: shows how it comes along, and lets the user detach from it or have it cancelled.
package final class FollowSession: Sendable {
    private let socket: ControlSocketPath
    private let patience: Patience
    private let display: ProgressDisplay
    private let watch: InterruptWatch
    private let lastLine = Mutex<[UInt8]>([])

    /// The last state that was seen, as the daemon wrote it: one line of JSON, empty before the first.
    package var lastState: [UInt8] { lastLine.withLock { $0 } }

    package init(_ socket: ControlSocketPath, patience: Patience = .standard) {
        self.socket = socket
        self.patience = patience
        display = ProgressDisplay(terminal: .standardError)
        watch = InterruptWatch(display: display)
    }

    /// How it ended.
    package enum End: Sendable {
        case status(CommandStatus)
        /// The user left job and daemon to themselves; the last state that was seen, as JSON.
        case detached(lastLine: [UInt8])
    }

    /// Runs `operation`, which calls `follow`, to its end or until the user detaches.
    package func run(_ operation: @escaping @Sendable (FollowSession) async throws -> CommandStatus) async throws -> End {
        try await withThrowingTaskGroup(of: End?.self) { group in
            defer { group.cancelAll() }
            group.addTask { .status(try await operation(self)) }
            group.addTask { await self.heed() }
            while let end = try await group.next() {
                if let end { return end }
            }
            return .status(.failed)
        }
    }

    /// Follows `job` until it is over, over restarts of the daemon, and returns what `then` makes of its final state.
    ///
    /// - Parameter submission: the daemon's answer to the job's submission, when this client submitted it.
    /// - Parameter each: gets every line of the stream as it is.
    /// - Parameter then: gets a connection that can be used again; it may be another one than `connection`.
    package func follow<Result>(
        _ job: JobReference, from submission: ControlConnection.Reply<Job>? = nil, on connection: ControlConnection,
        each: (ByteBufferView) throws -> Void = { _ in }, then: (Job, ControlConnection) async throws -> Result
    ) async throws -> Result {
        if let submission { lastLine.withLock { $0 = Array(submission.bytes) } }
        watch.start(job)
        defer { end() }
        return try await JobFeed(socket, patience: patience).follow(
            job, from: submission?.value, on: connection,
            each: { line, state in
                lastLine.withLock { $0 = Array(line) }
                try each(line)
                display.show(state)
            },
            gone: { display.tell(Self.gone) },
            then: { final, connection in
                end()
                return try await then(final, connection)
            })
    }

    package static let gone = "synscand has gone; waiting for it to come back…"

    /// Ctrl-C ends the process again, and nothing more is drawn.
    private func end() {
        watch.stop()
        display.end()
    }

    /// Does what the user decides; ends with a detachment, or with `nil` when there is nothing more to decide.
    private func heed() async -> End? {
        for await decision in watch.decisions {
            switch decision {
            case .detach(let job):
                display.end()
                Console.note("Detached. Job \(job) goes on; come back to it with: synscan follow \(job)")
                return .detached(lastLine: lastState)
            case .cancel(let job):
                await cancel(job)
            }
        }
        return nil
    }

    /// Over a connection of its own: the first one carries the stream.
    private func cancel(_ job: JobReference) async {
        do {
            try await ControlConnection.open(socket) { connection in
                _ = try await connection.reply(to: .cancel(job), as: Job.self)
            }
        } catch {
            display.hold("Job \(job) is not cancelled: \(ErrorText.sentence(for: error))\n")
            display.resume()
        }
    }
}
