import CLinux
import Glibc
import Synchronization

/// A second thread for large batches: it hands its part of one to the kernel while the thread that sends hands over the other.
///
/// The kernel's work is nine tenths of what a probe costs, so two of them send much more; order, pace and books stay with one. Where the helper is
/// late, because others want the processors, too, it is left alone for a while.
package final class SendHelper: Sendable {
    /// Fewer frames are not worth the hand-over.
    package static let leastFrames = 128
    private static let batch = 4 * leastFrames

    /// What the sending thread and the helper share.
    private final class Desk: Sendable {
        /// The part to send, empty when the helper is to end. Written before `turn` says so.
        let first = Atomic<Int>(0)
        let end = Atomic<Int>(0)
        let result = Atomic<Int32>(0)
        let turn = Atomic<Int>(Turn.sender)
        let isAsleep = Atomic<Bool>(false)
        let isWaitedFor = Atomic<Bool>(false)
        let begun: WakeEvent
        let done: WakeEvent

        init() throws(EngineError) {
            begun = try WakeEvent()
            done = try WakeEvent()
        }
    }

    /// Whose the desk is.
    private enum Turn {
        static let sender = 0
        static let helper = 1
    }

    private let desk: Desk
    private let thread: WorkerThread
    private let patience = Mutex(Patience())

    /// `send` sends frames as `ProbeLink.send` does: how many it took from the front, or minus one. On the helper's thread. Throws when there can be
    /// no thread.
    package init(_ send: @escaping @Sendable (Range<Int>) -> Int32) throws(EngineError) {
        let desk = try Desk()
        thread = try WorkerThread("scan-send") { Self.run(desk, send) }
        self.desk = desk
    }

    deinit {
        start(0..<0)
        thread.join()
    }

    // MARK: - The sending thread

    /// Where the helper's part of a batch begins, when it goes to half of it; nil when the batch is too small to be shared.
    package static func half(of range: Range<Int>) -> Int? {
        range.count < batch ? nil : range.lowerBound + range.count / 2
    }

    /// Has the helper send frames `range`, unless it is at rest; `finish` must follow. The sending thread.
    func begin(_ range: Range<Int>) -> Bool {
        guard patience.withLock({ $0.begin(SteadyClock.nanoseconds()) }) else { return false }
        start(range)
        return true
    }

    private func start(_ range: Range<Int>) {
        desk.first.store(range.lowerBound, ordering: .relaxed)
        desk.end.store(range.upperBound, ordering: .relaxed)
        desk.turn.store(Turn.helper, ordering: .sequentiallyConsistent)
        if desk.isAsleep.load(ordering: .sequentiallyConsistent) { desk.begun.signal() }
    }

    /// Waits for what was begun; how many frames were taken. The sending thread.
    func finish() -> Int {
        let ready = SteadyClock.nanoseconds()
        if !Self.spin(until: Turn.sender, desk) {
            // Asleep, so that the helper can have this processor.
            desk.isWaitedFor.store(true, ordering: .sequentiallyConsistent)
            while desk.turn.load(ordering: .sequentiallyConsistent) != Turn.sender { desk.done.wait(nanoseconds: .max) }
            desk.isWaitedFor.store(false, ordering: .relaxed)
        }
        patience.withLock { $0.end(ready, SteadyClock.nanoseconds()) }
        return Int(max(0, desk.result.load(ordering: .relaxed)))
    }

    // MARK: - The helper's thread

    private static func run(_ desk: Desk, _ send: (Range<Int>) -> Int32) {
        while true {
            if !spin(until: Turn.helper, desk) {
                desk.isAsleep.store(true, ordering: .sequentiallyConsistent)
                while desk.turn.load(ordering: .sequentiallyConsistent) != Turn.helper { desk.begun.wait(nanoseconds: .max) }
                desk.isAsleep.store(false, ordering: .relaxed)
            }
            let range = desk.first.load(ordering: .relaxed)..<desk.end.load(ordering: .relaxed)
            if range.isEmpty { return }
            desk.result.store(send(range), ordering: .relaxed)
            desk.turn.store(Turn.sender, ordering: .sequentiallyConsistent)
            if desk.isWaitedFor.load(ordering: .sequentiallyConsistent) { desk.done.signal() }
        }
    }

    /// Waits a little while for the turn without sleeping, since it usually comes soon; whether it came.
    private static func spin(until turn: Int, _ desk: Desk) -> Bool {
        let end = SteadyClock.nanoseconds() + spinTime
        while desk.turn.load(ordering: .acquiring) != turn {
            if SteadyClock.nanoseconds() > end { return false }
            for _ in 0..<16 { clinux_pause() }
        }
        return true
    }

    /// About as long as it takes to make a batch, ns.
    private static let spinTime: Int64 = 50_000
}

/// When a helper is asked. When it is late by more than half of what the sender's own part took, several times in a row, somebody else wants the
/// processors: it rests, each time twice as long. Once or twice says nothing: it must be woken and find a processor first.
package struct Patience {
    private var begun: Int64 = 0
    private var restUntil: Int64 = 0
    private var rest = shortestRest
    /// How often in a row it has been late.
    private var lateness = 0

    package init() {}

    private static let mostLateness = 4
    private static let shortestRest: Int64 = 10_000_000
    private static let longestRest: Int64 = 1_000_000_000

    /// Whether it may be asked at `now`, ns.
    package mutating func begin(_ now: Int64) -> Bool {
        begun = now
        return now >= restUntil
    }

    /// What was begun is done at `now`, when the sender's own part had been done at `ready`; ns.
    package mutating func end(_ ready: Int64, _ now: Int64) {
        guard now - ready > (ready - begun) / 2 else {
            (lateness, rest) = (0, max(rest - rest / 64, Self.shortestRest))
            return
        }
        lateness += 1
        guard lateness == Self.mostLateness else { return }
        (lateness, restUntil, rest) = (0, now + rest, min(2 * rest, Self.longestRest))
    }
}
