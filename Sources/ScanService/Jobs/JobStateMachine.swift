package import ScanAPI

/// A job's life as a value: inputs go in, the action to take comes out. Nothing here waits or writes.
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
        case cancel, suspend, pause
        /// Paused and resumed before it had stopped.
        case requeue
        case finish(JobState, reason: String)
    }

    package enum Input: Sendable, Equatable {
        /// It is this job's turn.
        case start
        case prepared
        case preparationFailed(String)
        /// A client cancels, pauses, resumes.
        case cancel, pause, resume
        /// Its time is over, or it must not go on: it ends in this state.
        case finish(JobState, reason: String)
        /// Nothing can be sent or recorded at present, and then again it can.
        case hold, release
        /// The daemon stops.
        case suspend
        case runFinished
        case runStopped
        case runFailed(String)
        /// The run has ended before its time, because nothing answers any more.
        case runGaveUp(String)
        /// The run has failed, or could not be set up, because its way or device has gone.
        case pathLost(String)
        /// The final state is durable.
        case stored
    }

    package enum Action: Sendable, Equatable {
        case none
        /// Set the run up, then say `.prepared` or `.preparationFailed`.
        case prepare
        case startRun
        case stopRun
        /// The state has changed, and nothing else: store and show it.
        case note
        /// Drop the run if there is one and store its checkpoint with the new state; another job can have the place.
        case park
        /// Drop the run if there is one and store its checkpoint; the job waits, and begins again a little later.
        case retry(reason: String)
        /// Drop the run if there is one, store this final state, then say `.stored`.
        case end(JobState, reason: String?)
        /// Drop the run if there is one and store its checkpoint; the state stays.
        case suspend
        /// Make way: the next job can run.
        case leave
        case refuse(String)
    }

    /// `state` as the store has it: a job that was running or waiting goes on when its turn comes.
    package init(_ state: JobState) {
        self.state = state
        phase = state.isFinal ? .over : .resting
    }

    /// Whether the job waits for its turn.
    package var wantsToRun: Bool { phase == .resting && state != .paused }

    /// Whether it has run and was interrupted: such jobs go first.
    package var wasInterrupted: Bool { phase == .resting && (state == .running || state == .waiting) }

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
        case .prepared: prepared(failure: nil)
        case .preparationFailed(let reason): prepared(failure: reason)
        case .cancel: cancel()
        case .pause: pause()
        case .resume: resume()
        case .finish(let state, let reason): finish(state, reason)
        case .hold: hold()
        case .release: release()
        case .suspend: suspend()
        case .runFinished: end(.finished, nil)
        case .runStopped: stopped()
        case .runFailed(let reason): failed(reason)
        case .runGaveUp(let reason): phase == .stopping(.cancel) ? end(.cancelled, nil) : end(.finished, reason)
        case .pathLost(let reason): pathLost(reason)
        case .stored: stored()
        }
    }

    private mutating func start() -> Action {
        guard wantsToRun else { return .none }
        phase = .preparing(stop: nil)
        return .prepare
    }

    /// The set-up is over, well or not; what was asked for meanwhile happens now.
    private mutating func prepared(failure: String?) -> Action {
        guard case .preparing(let stop) = phase else { return .none }
        if let stop { return halted(by: stop) }
        if let failure { return end(.failed, failure) }
        phase = .running
        state = .running
        return .startRun
    }

    /// The run stands still, or never started.
    private mutating func halted(by cause: StopCause) -> Action {
        switch cause {
        case .cancel: return end(.cancelled, nil)
        case .finish(let state, let reason): return end(state, reason)
        case .suspend:
            phase = .suspended
            return .suspend
        case .pause, .requeue:
            phase = .resting
            state = cause == .pause ? .paused : .queued
            return .park
        }
    }

    private mutating func cancel() -> Action {
        switch phase {
        case .resting: return end(.cancelled, nil)
        case .preparing(nil), .preparing(.pause), .preparing(.requeue), .preparing(.finish):
            phase = .preparing(stop: .cancel)
            return .none
        case .running:
            phase = .stopping(.cancel)
            return .stopRun
        case .stopping(.pause), .stopping(.requeue), .stopping(.finish):
            phase = .stopping(.cancel)
            return .none
        case .preparing(.cancel), .stopping(.cancel), .ending(.cancelled): return .none
        case .preparing(.suspend), .stopping(.suspend), .suspended: return Self.refusedByStop
        case .ending, .over: return Self.refusedByEnd
        }
    }

    private mutating func pause() -> Action {
        switch phase {
        case .resting:
            guard state != .paused else { return .none }
            state = .paused
            return .note
        case .preparing(nil), .preparing(.requeue):
            phase = .preparing(stop: .pause)
            return .none
        case .running:
            phase = .stopping(.pause)
            return .stopRun
        case .stopping(.requeue):
            phase = .stopping(.pause)
            return .none
        case .preparing(.pause), .stopping(.pause): return .none
        case .preparing(.suspend), .stopping(.suspend), .suspended: return Self.refusedByStop
        case .preparing(.cancel), .preparing(.finish), .stopping(.cancel), .stopping(.finish), .ending, .over: return Self.refusedByEnd
        }
    }

    private mutating func resume() -> Action {
        switch phase {
        case .resting where state == .paused:
            state = .queued
            return .note
        case .preparing(.pause):
            phase = .preparing(stop: nil)
            return .none
        case .stopping(.pause):
            phase = .stopping(.requeue)
            return .none
        case .preparing(.suspend), .stopping(.suspend), .suspended: return Self.refusedByStop
        case .ending, .over: return Self.refusedByEnd
        default: return .refuse("it is not paused")
        }
    }

    private mutating func finish(_ state: JobState, _ reason: String) -> Action {
        switch phase {
        case .resting: return end(state, reason)
        case .preparing(nil), .preparing(.pause), .preparing(.requeue):
            phase = .preparing(stop: .finish(state, reason: reason))
            return .none
        case .running:
            phase = .stopping(.finish(state, reason: reason))
            return .stopRun
        case .stopping(.pause), .stopping(.requeue):
            phase = .stopping(.finish(state, reason: reason))
            return .none
        case .preparing, .stopping, .suspended, .ending, .over: return .none
        }
    }

    private mutating func hold() -> Action {
        guard phase == .running || phase == .resting, state == .running else { return .none }
        state = .waiting
        return .note
    }

    private mutating func release() -> Action {
        guard phase == .running || phase == .resting, state == .waiting else { return .none }
        state = .running
        // One that rests says that it goes on when it does.
        return phase == .running ? .note : .none
    }

    private mutating func suspend() -> Action {
        switch phase {
        case .resting:
            phase = .suspended
            return .none
        case .preparing(nil), .preparing(.requeue):
            phase = .preparing(stop: .suspend)
            return .none
        case .running:
            phase = .stopping(.suspend)
            return .stopRun
        case .stopping(.requeue):
            phase = .stopping(.suspend)
            return .none
        case .preparing, .stopping, .suspended, .ending, .over: return .none
        }
    }

    private mutating func stopped() -> Action {
        switch phase {
        case .stopping(let cause): return halted(by: cause)
        // Nobody asked the run to stop.
        case .running: return end(.failed, "the run stopped by itself")
        case .resting, .preparing, .suspended, .ending, .over: return .none
        }
    }

    private mutating func pathLost(_ reason: String) -> Action {
        switch phase {
        case .preparing(let stop?): return halted(by: stop)
        case .stopping(let cause): return halted(by: cause)
        case .preparing(nil), .running:
            phase = .resting
            state = .waiting
            return .retry(reason: reason)
        case .resting, .suspended, .ending, .over: return .none
        }
    }

    /// A cancelled job stays cancelled; one that is being put away has failed all the same.
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

    private static let refusedByStop = Action.refuse("synscand is stopping")
    private static let refusedByEnd = Action.refuse("it has ended already")
}
