import NIOPosix

/// Threads for work that blocks or computes for long: Swift's own pool has one thread for each core and must not be held up.
enum WorkPools {
    /// Parsing, planning, opening links, reading the store.
    static let work = pool(threads: 4)
    /// Looking up names, which can hang for as long as the resolver likes.
    static let names = pool(threads: 8)

    private static func pool(threads: Int) -> NIOThreadPool {
        let pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
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
}
