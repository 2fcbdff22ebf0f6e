package import Logging
import PacketIO
package import ScanAPI
import ScanCore
package import ScanEngine
import Synchronization

/// The one place that stops all sending and lets it go on: the brake, and the mark that keeps it on across restarts.
///
/// The brake is set at once, by whoever asks. The mark is written by a thread of its own, which also sees a mark that somebody makes by hand: no disk,
/// however slow, keeps the brake from being set.
package final class HaltSwitch: Sendable {
    /// What became of the mark.
    package enum Outcome: Sendable, Equatable {
        case kept
        case failed(ServiceError)
        /// The disk has not answered in time; it goes on trying.
        case late
    }

    private let desk: HaltDesk
    private let thread: WorkerThread

    /// Puts the brake as the mark says. Blocks. Throws when there can be no thread.
    package init(mark: HaltMark, brake: Brake, logger: Logger) throws(ServiceError) {
        do {
            let desk = try HaltDesk(mark: mark, brake: brake, logger: logger)
            thread = try WorkerThread("halt") { desk.run() }
            self.desk = desk
        } catch {
            throw ServiceError("the halt cannot be watched: \(error)")
        }
    }

    deinit {
        desk.end()
        // Nobody waits for a disk.
        thread.detach()
    }

    /// Who stopped all sending; nil when nobody did.
    package var halt: Halt? { desk.halt }

    /// Has `heed` called when somebody has halted, or lets packets leave again: on whatever thread did that, so it must not block.
    package func listen(_ heed: @escaping @Sendable () -> Void) { desk.listen(heed) }

    /// Stops all sending before it returns; a halt that there is already stays. Never blocks. Any thread.
    package func stop(_ new: Halt) { desk.stop(new) }

    /// What became of the mark of the halt, waiting for it at most so long.
    package func kept(within limit: Duration) async -> Outcome { await desk.settled(within: limit) }

    /// Lets packets leave again when the mark is gone. Throws, with nothing changed, when it stays or the disk does not answer in time.
    package func release(within limit: Duration) async throws(ServiceError) {
        desk.release()
        switch await desk.settled(within: limit) {
        case .kept: if desk.halt != nil { throw ServiceError("somebody has halted again meanwhile") }
        case .failed(let error): throw error
        case .late: throw ServiceError("the disk of the store does not answer; packets leave as soon as it has taken the halt's mark away")
        }
    }
}

/// What the halt's thread and those who ask share.
private final class HaltDesk: Sendable {
    private struct State {
        var halt: Halt?
        /// The mark on the disk says so.
        var isMarked = false
        /// Somebody wants the mark to go.
        var isReleasing = false
        /// How often something was asked for, and which of these the thread has come to the end of.
        var asked = 0
        var done = 0
        var failure: ServiceError?
        var waiting: [(asked: Int, turn: CheckedContinuation<HaltSwitch.Outcome, Never>)] = []
        var heed: @Sendable () -> Void = {}
        var isEnding = false
    }

    private let mark: HaltMark
    private let brake: Brake
    private let logger: Logger
    private let wake: WakeEvent
    private let state: Mutex<State>

    init(mark: HaltMark, brake: Brake, logger: Logger) throws(EngineError) {
        self.mark = mark
        self.brake = brake
        self.logger = logger
        wake = try WakeEvent()
        let halt = mark.read()
        state = Mutex(State(halt: halt, isMarked: halt != nil))
        brake.set(halt != nil)
    }

    var halt: Halt? { state.withLock { $0.halt } }

    func listen(_ heed: @escaping @Sendable () -> Void) { state.withLock { $0.heed = heed } }

    func end() {
        state.withLock { $0.isEnding = true }
        wake.signal()
    }

    func stop(_ new: Halt) {
        // Before anybody who holds the lock is waited for.
        brake.set(true)
        let heed = state.withLock { state in
            brake.set(true)
            state.isReleasing = false
            state.halt = state.halt ?? new
            state.asked += 1
            return state.heed
        }
        wake.signal()
        heed()
    }

    func release() {
        state.withLock { state in
            state.isReleasing = true
            state.asked += 1
        }
        wake.signal()
    }

    /// What became of what was asked for last.
    func settled(within limit: Duration) async -> HaltSwitch.Outcome {
        let asked = state.withLock { $0.asked }
        let patience = Task {
            guard (try? await Task.sleep(for: limit)) != nil else { return }
            answer(asked, .late)
        }
        defer { patience.cancel() }
        return await withCheckedContinuation { turn in
            let known: HaltSwitch.Outcome? = state.withLock { state in
                if state.done >= asked { return state.failure.map { .failed($0) } ?? .kept }
                state.waiting.append((asked, turn))
                return nil
            }
            if let known { turn.resume(returning: known) }
        }
    }

    /// Answers those who wait for the end of request `number`, or of one before it.
    private func answer(_ number: Int, _ outcome: HaltSwitch.Outcome) {
        let turns = state.withLock { state in
            defer { state.waiting.removeAll { $0.asked <= number } }
            return state.waiting.filter { $0.asked <= number }.map(\.turn)
        }
        for turn in turns { turn.resume(returning: outcome) }
    }

    // MARK: - The thread

    /// How long it waits before it tries again what the disk has refused, or watches a folder anew that cannot be watched, ns.
    private static let retry: Int64 = 1_000_000_000

    func run() {
        var watch = FolderWatch(mark.directory)
        while true {
            // Made by hand, or taken away, since it was looked last.
            look()
            let isSettled = settle()
            if state.withLock({ $0.isEnding }) { return }
            watch.wait(wake, nanoseconds: isSettled && watch.isWatching ? .max : Self.retry)
            if !watch.isWatching { watch = FolderWatch(mark.directory) }
        }
    }

    /// A mark that somebody has made counts as that one's halt; one that has been taken away comes back, because a slip must not let packets leave.
    private func look() {
        let isThere = mark.isThere
        let (halt, wasMarked, isEnding) = state.withLock { ($0.halt, $0.isMarked, $0.isEnding) }
        // What becomes of the mark now is for whoever comes next.
        guard !isEnding else { return }
        if isThere, halt == nil {
            brake.set(true)
            let new = mark.read() ?? Halt(since: Timestamp(microseconds: WallClock.microseconds()), uid: 0)
            state.withLock { $0.isMarked = true }
            stop(new)
            logger.warning("Halted by hand, user \(new.uid) has made \(mark.path): no packet leaves until synscan unhalt.")
        } else if !isThere, wasMarked {
            state.withLock { $0.isMarked = false }
            logger.warning("\(mark.path) is gone; it is made again, since only synscan unhalt lets packets leave while synscand runs.")
        }
    }

    /// Makes the disk as it was asked for last; false while it refuses that.
    private func settle() -> Bool {
        while true {
            let (now, asked) = state.withLock { (state: $0, asked: $0.asked) }
            if now.isReleasing {
                guard now.halt != nil else { return finish(asked, nil, isReleased: true) }
                guard finish(asked, failure { () throws(ServiceError) in try mark.clear() }, isReleased: true) else { return true }
            } else if let halt = now.halt, !now.isMarked {
                guard finish(asked, failure { () throws(ServiceError) in try mark.set(halt) }, isReleased: false) else { return false }
            } else {
                return finish(asked, nil, isReleased: false)
            }
        }
    }

    private func failure(_ body: () throws(ServiceError) -> Void) -> ServiceError? {
        do {
            try body()
            return nil
        } catch {
            return error
        }
    }

    /// Notes what became of request `asked`; false when the disk refused it.
    private func finish(_ asked: Int, _ failure: ServiceError?, isReleased: Bool) -> Bool {
        let heed: (@Sendable () -> Void)? = state.withLock { state in
            state.done = asked
            state.failure = failure
            if !isReleased {
                if failure == nil { state.isMarked = state.halt != nil }
                return nil
            }
            if failure == nil { state.isMarked = false }
            // A halt that came meanwhile stays, and gets a mark of its own.
            guard state.asked == asked else { return nil }
            state.isReleasing = false
            guard failure == nil else { return nil }
            state.halt = nil
            brake.set(false)
            return state.heed
        }
        heed?()
        answer(asked, failure.map { .failed($0) } ?? .kept)
        return failure == nil
    }
}
