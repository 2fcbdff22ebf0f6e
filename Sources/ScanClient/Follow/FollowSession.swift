import FoundationEssentials
package import NIOCore
package import ScanAPI
import Synchronization

/// The time in which a command follows a job: shows how it comes along, and lets the user detach from it or have it cancelled.
package final class FollowSession: Sendable {
    private let socket: ControlSocketPath
    private let display: ProgressDisplay
    private let watch: InterruptWatch
    private let lastLine = Mutex<[UInt8]>([])

    /// The last state that was seen, as the daemon wrote it: one line of JSON, empty before the first.
    package var lastState: [UInt8] { lastLine.withLock { $0 } }

    package init(_ socket: ControlSocketPath) {
        self.socket = socket
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

    /// Follows `job` until it is over and returns its final state.
    ///
    /// - Parameter connection: can be used again afterwards.
    /// - Parameter each: gets every line of the stream as it is.
    package func follow(
        _ job: JobReference, on connection: ControlConnection, each: (ByteBufferView) throws -> Void = { _ in }
    ) async throws -> Job {
        watch.start(job)
        defer {
            watch.stop()
            display.end()
        }
        var last: Job?
        let request = ControlRequest.events(job)
        do {
            try await connection.lines(of: request) { line in
                let state = try Self.job(in: line, of: request)
                lastLine.withLock { $0 = Array(line) }
                try each(line)
                display.show(state)
                last = state
                return true
            }
        } catch ClientError.unreachable {
            throw Self.stopped(job)
        }
        guard let last, last.state.isFinal else { throw Self.stopped(job) }
        return last
    }

    private static func stopped(_ job: JobReference) -> ClientError {
        .unreachable("synscand has stopped or was restarted. Job \(job) is kept and goes on with it; come back with: synscan follow \(job)")
    }

    private static func job(in line: ByteBufferView, of request: ControlRequest) throws -> Job {
        do {
            return try APICoding.decode(Job.self, from: Data(line))
        } catch let error as DecodingError {
            throw ControlConnection.misunderstood(request, error)
        }
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
