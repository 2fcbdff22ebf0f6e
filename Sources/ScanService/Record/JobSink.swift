package import ScanCore
import ScanEngine
import Synchronization

/// Where one job's run delivers what it sees; the way to the recorder.
package final class JobSink: ObservationSink {
    package let job: Int64
    package let name: String?
    /// The interface on whose link the job's link-local targets are.
    package let zone: String?
    private let queue: RecordQueue
    private let names = Mutex<[String]>([])
    private let hasCheckpoint = Atomic<Bool>(false)

    init(job: Int64, name: String?, zone: String?, queue: RecordQueue) {
        self.job = job
        self.name = name
        self.zone = zone
        self.queue = queue
    }

    /// The run's interfaces, which observations point into. Set before the run starts.
    package var interfaces: [String] {
        get { names.withLock { $0 } }
        set { names.withLock { $0 = newValue } }
    }

    package func deliver(_ batch: [Observation]) {
        guard !batch.isEmpty else { return }
        _ = queue.put(.findings(self, batch))
    }

    package func deliver(_ hosts: [HostObservation]) {
        guard !hosts.isEmpty else { return }
        _ = queue.put(.hosts(self, hosts))
    }

    package func leave(_ untested: PositionSet) {
        guard untested.count > 0 else { return }
        _ = queue.put(.untested(self, untested))
    }

    package var isFull: Bool { queue.isFull }

    package func keep(_ checkpoint: ScanCheckpoint) {
        hasCheckpoint.store(true, ordering: .relaxed)
        _ = queue.put(.checkpoint(self, checkpoint))
    }

    package var takesCheckpoint: Bool { !hasCheckpoint.load(ordering: .relaxed) }

    package func noteObstacle() { onObstacle.withLock { $0 }?() }

    /// Called on the run's threads whenever something begins or ceases to keep the run from going on. Must not block. Set before the run starts.
    private let onObstacle = Mutex<(@Sendable () -> Void)?>(nil)

    package func whenObstacleChanges(_ body: @escaping @Sendable () -> Void) { onObstacle.withLock { $0 = body } }

    /// Tells that the last checkpoint is durable.
    func checkpointIsKept() {
        hasCheckpoint.store(false, ordering: .relaxed)
        onCheckpoint.withLock { $0 }?()
    }

    /// Called on the recorder's thread whenever a checkpoint is durable. Must not block. Set before the run starts.
    private let onCheckpoint = Mutex<(@Sendable () -> Void)?>(nil)

    package func whenKept(_ body: @escaping @Sendable () -> Void) { onCheckpoint.withLock { $0 = body } }
}
