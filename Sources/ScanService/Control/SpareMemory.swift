import CLinux
import NIOPosix
import Synchronization

/// Gives back to the system what large requests and streams have left free: by itself, the allocator keeps all of it.
enum SpareMemory {
    private static let isDue = Mutex(false)

    /// Soon, and once for all that end together: what has just ended may still hold some. Any thread.
    static func giveBackSoon() {
        let isFirst = isDue.withLock { isDue in
            defer { isDue = true }
            return !isDue
        }
        guard isFirst else { return }
        Task {
            try? await Task.sleep(for: .seconds(1))
            isDue.withLock { $0 = false }
            WorkPools.work.submit { _ in malloc_trim(0) }
        }
    }
}
