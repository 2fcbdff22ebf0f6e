import FoundationEssentials
package import NIOCore
package import ScanAPI

/// A job's states as they come, over restarts of the daemon.
package struct JobFeed: Sendable {
    private let socket: ControlSocketPath
    private let patience: Patience

    package init(_ socket: ControlSocketPath, patience: Patience = .standard) {
        self.socket = socket
        self.patience = patience
    }

    /// Follows `job` until it is over, then hands its final state to `then`, with a connection that can be used again, and returns what that
    /// makes of it.
    ///
    /// Once the job's number is known, a daemon that goes away is waited for, as long as `patience` says after it was last heard; before that,
    /// and in `then`, its absence is an error.
    ///
    /// - Parameter known: a state of the job that the daemon has told already.
    /// - Parameter connection: used first; without it one is opened.
    /// - Parameter each: gets every line of the stream as it is, and what it means.
    /// - Parameter gone: called each time that the daemon has gone.
    package func follow<Result>(
        _ job: JobReference, from known: Job? = nil, on connection: ControlConnection? = nil,
        each: (ByteBufferView, Job) throws -> Void, gone: () -> Void = {}, then: (Job, ControlConnection) async throws -> Result
    ) async throws -> Result {
        var last = known
        var isOver = false
        var goneSince: ContinuousClock.Instant?
        var first = connection
        while true {
            do {
                return try await Self.connected(first.take(), to: socket) { connection in
                    try await Self.states(of: last.map { JobReference(id: $0.id) } ?? job, on: connection) { line, state in
                        last = state
                        goneSince = nil
                        try each(line, state)
                    }
                    guard let final = last, final.state.isFinal else { throw ControlConnection.lost }
                    isOver = true
                    return try await then(final, connection)
                }
            } catch  where !isOver && Self.isAbsence(error) {
                guard let last else { throw error }
                let since = goneSince ?? ContinuousClock.now
                if goneSince == nil { gone() }
                goneSince = since
                guard ContinuousClock.now - since < patience.limit else { throw Self.stopped(last) }
                try await Task.sleep(for: patience.interval)
            }
        }
    }

    private static func connected<Result>(
        _ connection: ControlConnection?, to socket: ControlSocketPath, _ body: (ControlConnection) async throws -> Result
    ) async throws -> Result {
        guard let connection else { return try await ControlConnection.open(socket, body) }
        return try await body(connection)
    }

    /// Ends with the stream, which need not be the end of the job.
    private static func states(
        of job: JobReference, on connection: ControlConnection, _ take: (ByteBufferView, Job) throws -> Void
    ) async throws {
        let request = ControlRequest.events(job)
        try await connection.lines(of: request) { line in
            let state: Job
            do {
                state = try APICoding.decode(Job.self, from: Data(line))
            } catch let error as DecodingError {
                throw ControlConnection.misunderstood(request, error)
            }
            try take(line, state)
            return true
        }
    }

    /// Whether the daemon is not there, is on its way out or not quite back: while it starts, its socket may not be everybody's yet.
    private static func isAbsence(_ error: any Error) -> Bool {
        switch error {
        case ClientError.unreachable, ClientError.forbidden: true
        case let refusal as Refusal: refusal.kind == .unavailable
        default: false
        }
    }

    private static func stopped(_ job: Job) -> ClientError {
        .unreachable(
            "synscand has stopped or was restarted. Job \(job.id) is kept and goes on with it; come back with: synscan follow \(job.id)")
    }
}
