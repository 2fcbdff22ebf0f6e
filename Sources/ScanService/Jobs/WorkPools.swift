import NIOPosix
import Synchronization

/// Threads for work that blocks or computes for long: Swift's own pool has one thread for each core and must not be held up.
enum WorkPools {
    /// The daemon's own: opening links, reading configuration; and what root asks for.
    static let work = pool("work", threads: 4)
    /// Parsing and planning for everybody else, in turn.
    static let requests = CallerPool("requests", threads: 4, each: 2)

    fileprivate static func pool(_ name: String, threads: Int) -> NIOThreadPool {
        let pool = NIOThreadPool(numberOfThreads: threads)
        pool._start(threadNamePrefix: name)
        return pool
    }

    /// Lets go of the last reference to what takes long to close.
    static func discard(_ object: sending some AnyObject) {
        nonisolated(unsafe) let object = object
        work.submit { _ in withExtendedLifetime(object) {} }
    }

    /// Runs `body` on a thread of `work`.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await work.runIfActive(body)
    }

    /// Runs `body`, which user `uid` asks for, when it is that user's turn.
    static func run<Value: Sendable>(for uid: UInt32, _ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        guard uid != 0 else { return try await run(body) }
        return try await withCheckedThrowingContinuation { continuation in
            requests.submit(for: uid) { continuation.resume(with: Result { try body() }) }
        }
    }
}

/// Shares the threads of a pool between users: one after the other, and some threads are always left for others. Any thread.
package final class CallerPool: Sendable {
    private struct State {
        var waiting: [UInt32: [@Sendable () -> Void]] = [:]
        /// Whose turn it is; each user who waits stands here once.
        var turns: [UInt32] = []
        var running: [UInt32: Int] = [:]
        var busy = 0
    }

    let pool: NIOThreadPool
    private let threads: Int
    private let each: Int
    private let state = Mutex(State())

    /// At most `each` of the pool's threads work for the same user.
    package init(_ name: String, threads: Int, each: Int) {
        pool = WorkPools.pool(name, threads: threads)
        self.threads = threads
        self.each = each
    }

    /// Has `body` run when it is the user's turn.
    package func submit(for uid: UInt32, _ body: @escaping @Sendable () -> Void) {
        state.withLock { state in
            if state.waiting[uid] == nil { state.turns.append(uid) }
            state.waiting[uid, default: []].append(body)
        }
        startNext()
    }

    private func startNext() {
        while let (uid, body) = state.withLock({ next(&$0) }) {
            pool.submit { [self] _ in
                body()
                state.withLock { state in
                    state.busy -= 1
                    let left = state.running[uid, default: 1] - 1
                    state.running[uid] = left > 0 ? left : nil
                }
                startNext()
            }
        }
    }

    /// The next body and whose it is; nil when no thread is free, or nobody waits who may have one.
    private func next(_ state: inout State) -> (UInt32, @Sendable () -> Void)? {
        guard state.busy < threads, let place = state.turns.firstIndex(where: { state.running[$0, default: 0] < each }) else { return nil }
        let uid = state.turns.remove(at: place)
        guard var bodies = state.waiting[uid], !bodies.isEmpty else { return nil }
        let body = bodies.removeFirst()
        state.waiting[uid] = bodies.isEmpty ? nil : bodies
        if !bodies.isEmpty { state.turns.append(uid) }
        state.busy += 1
        state.running[uid, default: 0] += 1
        return (uid, body)
    }
}
