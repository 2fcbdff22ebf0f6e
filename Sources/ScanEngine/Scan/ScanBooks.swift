import ScanTargets
import Synchronization

/// What transmit and capture thread of a run share.
///
/// The books proper stand under a lock that is taken once per batch of packets, never per packet; everything the packet paths read
/// between batches is atomic.
final class ScanBooks: Sendable {
    struct State {
        var counters: ScanCounters
        var current: ProbeTable
        /// The chunk before, for answers that come after its end. What is silent there has been counted as filtered.
        var previous: ProbeTable?
        var roundTrips = RoundTripEstimator()
        /// Why the capture ended before the run did.
        var captureFault: EngineError?
    }

    let state: Mutex<State>
    /// One for each attempt.
    let sendLogs: [SendLog]
    /// Wakes the transmit thread: everything has answered, or it shall stop.
    let transmitWake: WakeEvent
    let captureWake: WakeEvent

    private let stopping = Atomic<Bool>(false)
    private let captureEnding = Atomic<Bool>(false)
    private let timeout: Atomic<Int64>

    init(current: ProbeTable, counters: ScanCounters, attempts: Int) throws(EngineError) {
        state = Mutex(State(counters: counters, current: current))
        sendLogs = (0..<attempts).map { _ in SendLog() }
        transmitWake = try WakeEvent()
        captureWake = try WakeEvent()
        timeout = Atomic(RoundTripEstimator.firstGuess)
    }

    /// True once the run has been told to stop.
    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Asks the transmit thread to stop. Any thread.
    func stop() {
        stopping.store(true, ordering: .releasing)
        transmitWake.signal()
    }

    /// True once nothing more will be sent or waited for.
    var isCaptureEnding: Bool { captureEnding.load(ordering: .acquiring) }

    /// Asks the capture thread to take what has arrived and end.
    func endCapture() {
        captureEnding.store(true, ordering: .releasing)
        captureWake.signal()
    }

    /// How long to wait for an answer at present, µs.
    var answerTimeout: Int64 {
        get { timeout.load(ordering: .relaxed) }
        set { timeout.store(newValue, ordering: .relaxed) }
    }
}
