import Glibc
import Synchronization

/// Watches how much room there is where results are written.
struct FreeSpace: Sendable {
    /// The directories of the results log, of the store and of the audit log.
    let directories: [String]
    /// Bytes that must stay free, as configured at the moment.
    let least: @Sendable () -> Int64

    /// What a job waits for then; `detail` says where and why.
    static func obstacle(_ detail: String) -> String { "no space for results (\(detail))" }

    /// What is missing, in words; nil when there is enough. Blocks.
    func shortage() -> String? {
        let least = least()
        guard least > 0 else { return nil }
        for directory in directories {
            var status = statvfs()
            guard statvfs(directory, &status) == 0 else { continue }
            let free = Int64(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue)
            if free < least { return Self.obstacle("\(directory) has \(free >> 20) MiB left, less than [results] min_free") }
        }
        return nil
    }
}

/// Where the recorder says what keeps results from being written, for all who must wait.
package final class ObstacleBoard: Sendable {
    private struct State {
        var obstacle: String?
        var listener: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    package init() {}

    /// Nil while results can be written. Any thread.
    package var obstacle: String? { state.withLock { $0.obstacle } }

    /// Has every change told, on the recorder's thread; must not block. What stands there already is told at once.
    package func listen(_ listener: @escaping @Sendable () -> Void) {
        state.withLock { $0.listener = listener }
        listener()
    }

    func post(_ obstacle: String?) {
        let listener = state.withLock { state -> (@Sendable () -> Void)? in
            // Free space changes by the byte: only the beginning and the end are news.
            guard (obstacle == nil) != (state.obstacle == nil) else { return nil }
            state.obstacle = obstacle
            return state.listener
        }
        listener?()
    }
}
