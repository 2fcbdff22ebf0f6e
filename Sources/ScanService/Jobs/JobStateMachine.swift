package import ScanAPI

/// A job's life as a value: inputs go in, the action to take comes out. Nothing here waits or writes.
///
/// `paused` and `waiting` exist already for the store and the API; nothing leads there yet.
package struct JobStateMachine: Sendable, Equatable {
    /// The state that clients see.
    package private(set) var state: JobState
    private var phase: Phase

    private enum Phase: Sendable, Equatable {
        case resting
        /// Paths, ports and links are being set up.
        case preparing(stop: StopCause?)
        case running
        case stopping(StopCause)
        /// The daemon stops while the job is not over; it goes on at the next start.
        case suspended
        /// The final state is being stored, and shown only then.
        case ending(JobState)
        case over
    }

    private enum StopCause: Sendable, Equatable {
        case cancel, suspend
    }

    package enum Input: Sendable, Equatable {
        /// It is this job's turn.
        case start
        case prepared
        case preparationFailed(String)
        /// A client cancels.
        case cancel
        /// The daemon stops.
        case suspend
        case runFinished
        case runStopped
        case runFailed(String)
        /// The final state is durable.
        case stored
    }

    package enum Action: Sendable, Equatable {
        case none
        /// Set the run up, then say `.prepared` or `.preparationFailed`.
        case prepare
        case startRun
        case stopRun
        /// Drop the run if there is one, store this final state, then say `.stored`.
        case end(JobState, reason: String?)
        /// Drop the run if there is one and store its checkpoint; the state stays.
        case suspend
        /// Make way: the next job can run.
        case leave
        case refuse(String)
    }

    /// `state` as the store has it: a job that was running goes on when its turn comes.
    package init(_ state: JobState) {
        self.state = state
        phase = state.isFinal ? .over : .resting
    }

    /// Whether the job waits for its turn.
    package var wantsToRun: Bool { phase == .resting && (state == .queued || state == .running) }

    /// Whether the job takes one of the places for running jobs.
    package var isActive: Bool {
        switch phase {
        case .preparing, .running, .stopping, .ending: true
        case .resting, .suspended, .over: false
        }
    }

    package mutating func handle(_ input: Input) -> Action {
        switch input {
        case .start: start()
        case .prepared: prepared()
        case .preparationFailed(let reason): preparationFailed(reason)
        case .cancel: cancel()
        case .suspend: suspend()
        case .runFinished: end(.finished, nil)
        case .runStopped: stopped()
        case .runFailed(let reason): failed(reason)
        case .stored: stored()
        }
    }

    private mutating func start() -> Action {
        guard wantsToRun else { return .none }
        phase = .preparing(stop: nil)
        return .prepare
    }

    private mutating func prepared() -> Action {
        guard case .preparing(let stop) = phase else { return .none }
        switch stop {
        case nil:
            phase = .running
            state = .running
            return .startRun
        case .cancel: return end(.cancelled, nil)
        case .suspend:
            phase = .suspended
            return .suspend
        }
    }

    private mutating func preparationFailed(_ reason: String) -> Action {
        guard case .preparing(let stop) = phase else { return .none }
        switch stop {
        case nil: return end(.failed, reason)
        case .cancel: return end(.cancelled, nil)
        case .suspend:
            phase = .suspended
            return .suspend
        }
    }

    private mutating func cancel() -> Action {
        switch phase {
        case .resting: return end(.cancelled, nil)
        case .preparing(nil):
            phase = .preparing(stop: .cancel)
            return .none
        case .running:
            phase = .stopping(.cancel)
            return .stopRun
        case .preparing(.cancel), .stopping(.cancel), .ending(.cancelled): return .none
        case .preparing(.suspend), .stopping(.suspend), .suspended: return .refuse("synscand is stopping")
        case .ending, .over: return .refuse("it has ended already")
        }
    }

    private mutating func suspend() -> Action {
        switch phase {
        case .resting:
            phase = .suspended
            return .none
        case .preparing(nil):
            phase = .preparing(stop: .suspend)
            return .none
        case .running:
            phase = .stopping(.suspend)
            return .stopRun
        case .preparing, .stopping, .suspended, .ending, .over: return .none
        }
    }

    private mutating func stopped() -> Action {
        switch phase {
        case .stopping(.cancel): return end(.cancelled, nil)
        case .stopping(.suspend):
            phase = .suspended
            return .suspend
        // Nobody asked the run to stop.
        case .running: return end(.failed, "the run stopped by itself")
        case .resting, .preparing, .suspended, .ending, .over: return .none
        }
    }

    /// A cancelled job stays cancelled; one that is being suspended has failed all the same.
    private mutating func failed(_ reason: String) -> Action {
        phase == .stopping(.cancel) ? end(.cancelled, nil) : end(.failed, reason)
    }

    private mutating func end(_ state: JobState, _ reason: String?) -> Action {
        switch phase {
        case .ending, .over, .suspended: return .none
        case .resting, .preparing, .running, .stopping:
            phase = .ending(state)
            return .end(state, reason: reason)
        }
    }

    private mutating func stored() -> Action {
        guard case .ending(let state) = phase else { return .none }
        self.state = state
        phase = .over
        return .leave
    }
}
