import NIOCore
import Synchronization

/// How long a client waits for a sign of the daemon before it says so, and before it gives up.
package struct SilenceLimits: Sendable {
    package var told: Duration
    package var limit: Duration

    package init(told: Duration, limit: Duration) {
        self.told = told
        self.limit = limit
    }

    /// A daemon that is at work answers within moments, and shows a job that is followed every few seconds.
    package static let standard = SilenceLimits(told: .seconds(10), limit: .seconds(60))
}

/// Watches a connection on which something is waited for: tells once when nothing has come for long, and closes it in the end. Any thread.
final class SilenceWatch: Sendable {
    private struct State {
        var since: ContinuousClock.Instant?
        var isTold = false
        var hasEnded = false
        var timer: RepeatedTask?
    }

    private let limits: SilenceLimits
    private let tell: @Sendable (String) -> Void
    private let state = Mutex(State())

    init(_ limits: SilenceLimits, tell: @escaping @Sendable (String) -> Void) {
        self.limits = limits
        self.tell = tell
    }

    /// Watches `channel` from now on until `stop`.
    func start(_ channel: any Channel) {
        let interval = TimeAmount(min(limits.told / 10, .seconds(1)))
        let timer = channel.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] _ in
            if self?.look() == true { channel.close(promise: nil) }
        }
        state.withLock { $0.timer = timer }
    }

    func stop() { state.withLock { $0.timer }?.cancel() }

    /// Something is waited for from now on.
    func begin() { state.withLock { $0.since = ContinuousClock.now } }

    /// It has come, or is waited for no more.
    func end() { state.withLock { ($0.since, $0.isTold) = (nil, false) } }

    /// Whether nothing came until the limit.
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    /// Says what has to be said; true when the limit is reached.
    private func look() -> Bool {
        let (isNews, isOver) = state.withLock { state -> (Bool, Bool) in
            guard let since = state.since else { return (false, false) }
            let silence = ContinuousClock.now - since
            let isNews = silence >= limits.told && !state.isTold
            if isNews { state.isTold = true }
            if silence >= limits.limit { state.hasEnded = true }
            return (isNews, state.hasEnded)
        }
        if isNews { tell(Self.told(limits)) }
        return isOver
    }

    private static func told(_ limits: SilenceLimits) -> String {
        "synscan: synscand has not answered for \(limits.told.components.seconds) s; waiting up to \(limits.limit.components.seconds) s…"
    }

    /// What ends a command whose daemon is silent.
    var failure: ClientError { Self.failure(limits) }

    static func failure(_ limits: SilenceLimits) -> ClientError {
        .unresponsive(
            "synscand has not answered for \(limits.limit.components.seconds) s: it hangs, or has very much to do. "
                + "What it has been asked may still be done; see systemctl status synscand.")
    }
}
