import PacketIO
import Synchronization

/// Runs the jobs of tasks that prefer it on one plain thread, so that a test can give that thread a network namespace.
final class ThreadExecutor: TaskExecutor {
    private struct Queue {
        var jobs: [UnownedJob] = []
        var isOver = false
    }

    private let queue = Mutex(Queue())
    private let wake: WakeEvent

    init(_ name: String) throws {
        wake = try WakeEvent()
        try WorkerThread(name) { [self] in loop() }.detach()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.withLock { $0.jobs.append(job) }
        wake.signal()
    }

    /// Ends the thread when its jobs are done.
    func end() {
        queue.withLock { $0.isOver = true }
        wake.signal()
    }

    private func loop() {
        while true {
            let (jobs, isOver) = queue.withLock { queue in
                defer { queue.jobs = [] }
                return (queue.jobs, queue.isOver)
            }
            for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
            if jobs.isEmpty, isOver { return }
            if jobs.isEmpty { wake.wait(nanoseconds: 1_000_000_000) }
        }
    }
}
