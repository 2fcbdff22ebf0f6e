package import ScanEngine
import Synchronization

/// Where one job's run delivers what it sees; the way to the recorder.
package final class JobSink: ObservationSink {
    package let job: Int64
    package let name: String?
    private let queue: RecordQueue
    private let names = Mutex<[String]>([])

    init(job: Int64, name: String?, queue: RecordQueue) {
        self.job = job
        self.name = name
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

    package var isFull: Bool { queue.isFull }
}
