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
    /// How often the capture thread has taken everything that had arrived.
    private let captureTurns = Atomic<Int>(0)

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

    /// Notes that everything has been taken that had arrived. The capture thread only.
    func noteCaptureTurn() {
        captureTurns.add(1, ordering: .releasing)
    }

    /// Waits until the capture thread has taken all that had arrived before: on a busy machine it lags behind, and answers that came in time
    /// must not be taken for silence. Returns early when the run is stopped, and after the longest time-out. The transmit thread only.
    func awaitCapture() {
        // The turn that is under way may have passed an interface already: the one after it counts.
        let goal = captureTurns.load(ordering: .acquiring) + 2
        let end = SteadyClock.nanoseconds() + RoundTripEstimator.ceiling * 1000
        while captureTurns.load(ordering: .acquiring) < goal, !isStopping, SteadyClock.nanoseconds() < end {
            captureWake.signal()
            transmitWake.wait(nanoseconds: 500_000)
        }
    }

    /// How long to wait for an answer at present, µs.
    var answerTimeout: Int64 {
        get { timeout.load(ordering: .relaxed) }
        set { timeout.store(newValue, ordering: .relaxed) }
    }
}
