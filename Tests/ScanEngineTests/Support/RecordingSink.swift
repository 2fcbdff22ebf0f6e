import ScanCore
import ScanEngine
import ScanTargets
import Synchronization

/// Keeps what a run observes, and lets the test have its say at each delivery.
final class RecordingSink: ObservationSink {
    private let observations = Mutex<[Observation]>([])
    private let hostObservations = Mutex<[HostObservation]>([])
    private let left = Mutex<[PositionSet]>([])
    private let full = Atomic<Bool>(false)
    private let kept = Mutex<(last: ScanCheckpoint?, before: ScanCheckpoint?)>((nil, nil))
    private let atDelivery: @Sendable (RecordingSink) -> Void

    init(atDelivery: @escaping @Sendable (RecordingSink) -> Void = { _ in }) {
        self.atDelivery = atDelivery
    }

    func deliver(_ batch: [Observation]) {
        observations.withLock { $0 += batch }
        atDelivery(self)
    }

    func deliver(_ hosts: [HostObservation]) { hostObservations.withLock { $0 += hosts } }

    func leave(_ untested: PositionSet) { left.withLock { $0.append(untested) } }

    var untested: [PositionSet] { left.withLock { $0 } }

    var hosts: [HostObservation] { hostObservations.withLock { $0 } }

    var isFull: Bool {
        get { full.load(ordering: .relaxed) }
        set { full.store(newValue, ordering: .relaxed) }
    }

    /// What a store would have: each checkpoint over the ones before.
    func keep(_ checkpoint: ScanCheckpoint) {
        kept.withLock { $0 = ($0.last?.updated(by: checkpoint) ?? checkpoint, $0.last) }
    }

    var takesCheckpoint: Bool { true }

    func noteObstacle() {}

    var checkpoint: ScanCheckpoint? { kept.withLock { $0.last } }

    var checkpointBeforeLast: ScanCheckpoint? { kept.withLock { $0.before } }

    var all: [Observation] { observations.withLock { $0 } }

    var count: Int { observations.withLock { $0.count } }

    /// The targets in one state, in order; a target that was observed twice is in it twice.
    func targets(_ state: TargetState) -> [Endpoint] {
        all.filter { $0.state == state }.map { Endpoint(address: $0.address, port: $0.port) }.sorted()
    }
}
