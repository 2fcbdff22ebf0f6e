import Glibc
import Synchronization

/// Watches how much room there is where results are written.
struct FreeSpace: Sendable {
    /// The directories of the results log, of the store and of the audit log.
    let directories: [String]
    /// Bytes that must stay free, as configured at the moment.
    let least: @Sendable () -> Int64

    /// What a job waits for then; `detail` says where and why.
    static func words(_ detail: String) -> String { "no space for results (\(detail))" }

    /// What is missing; nil when there is enough. Blocks.
    func shortage() -> Obstacle? {
        let least = least()
        guard least > 0 else { return nil }
        for directory in directories {
            guard let free = Self.free(directory), free < least else { continue }
            return Obstacle(.space, Self.words("\(directory) has \(free >> 20) MiB left, less than [results] min_free"))
        }
        return nil
    }

    /// Bytes that are free at `directory`; nil when nobody knows. Blocks.
    static func free(_ directory: String) -> Int64? {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return nil }
        return Int64(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
    }
}

/// What keeps results from being written.
package struct Obstacle: Sendable, Equatable {
    package enum Kind: Sendable {
        /// No room, or the system refuses for the moment: it goes on by itself.
        case space
        /// The results log is not what it was.
        case log
        /// The store is damaged, or not what it was.
        case store
    }

    package let kind: Kind
    /// A clause for people.
    package let words: String

    init(_ kind: Kind, _ words: String) {
        self.kind = kind
        self.words = words
    }
}

/// Where the recorder says what keeps results from being written, for all who must wait, and what else is to be told of log and store.
package final class ObstacleBoard: Sendable {
    private struct State {
        var obstacle: Obstacle?
        var notices: [String] = []
        var listener: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    package init() {}

    /// Nil while results can be written. Any thread.
    package var obstacle: String? { state.withLock { $0.obstacle?.words } }

    /// What an administrator should know of log and store, a line each. Any thread.
    package var notices: [String] { state.withLock { $0.notices } }

    /// Has every change told, on the recorder's thread; must not block. What stands there already is told at once.
    package func listen(_ listener: @escaping @Sendable () -> Void) {
        state.withLock { $0.listener = listener }
        listener()
    }

    func post(_ obstacle: Obstacle?) {
        let listener = state.withLock { state -> (@Sendable () -> Void)? in
            // Free space changes by the byte: only another kind of obstacle is news.
            guard obstacle?.kind != state.obstacle?.kind else { return nil }
            state.obstacle = obstacle
            return state.listener
        }
        listener?()
    }

    func note(_ notices: [String]) { state.withLock { $0.notices = notices } }
}
