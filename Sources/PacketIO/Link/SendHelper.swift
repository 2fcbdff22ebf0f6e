import CLinux
import Glibc
import ScanCore
import Synchronization

/// A second thread for large batches: it hands its part of one to the kernel while the thread that sends hands over the other.
///
/// The kernel's work is nine tenths of what a probe costs, so two of them send much more; order, pace and books stay with one. Where that is not so,
/// because others want the processors, too, or because the two hinder each other, the helper is left alone for a while.
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
        /// When the helper was asked for a sign of life that it has not given yet, ns; 0 when it has.
        let asked = Atomic<Int64>(0)
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
        Self.desks.withLock { $0[ObjectIdentifier(desk)] = desk }
    }

    deinit {
        Self.desks.withLock { $0[ObjectIdentifier(desk)] = nil }
        start(0..<0)
        thread.join()
    }

    // MARK: - The watchdog

    /// Those of all helpers.
    private static let desks = Mutex<[ObjectIdentifier: Desk]>([:])

    /// Whether a helper has not answered for `nanoseconds`, though it was asked; asks those that have. Any thread.
    package static func isAnySilent(for nanoseconds: Int64) -> Bool {
        let now = SteadyClock.nanoseconds()
        return desks.withLock { Array($0.values) }.reduce(false) { isAny, desk in
            let (isFirst, asked) = desk.asked.compareExchange(expected: 0, desired: now, ordering: .relaxed)
            if isFirst { desk.begun.signal() }
            return isAny || !isFirst && now - asked > nanoseconds
        }
    }

    // MARK: - The sending thread

    /// Where the helper's part of a batch begins, when it goes to half of it; nil when the batch is too small to be shared.
    package static func half(of range: Range<Int>) -> Int? {
        range.count < batch ? nil : range.lowerBound + range.count / 2
    }

    /// Sends frames `range` by `own`, or as long as that is sooner those from `middle` on at the same time on the helper's thread: how many were taken
    /// of each part. `own` gives minus one, with errno set, when it takes none. The sending thread.
    package func send(_ range: Range<Int>, from middle: Int, own: (Range<Int>) -> Int32) -> (own: Range<Int>, taken: Int32, more: Int) {
        let begun = SteadyClock.nanoseconds()
        guard patience.withLock({ $0.isWilling(begun) }) else {
            let taken = own(range)
            if taken == range.count {
                let time = SteadyClock.nanoseconds() - begun
                patience.withLock { $0.noteAlone(range.count, time) }
            }
            return (range, taken, 0)
        }
        start(middle..<range.upperBound)
        let taken = own(range.lowerBound..<middle)
        let code = errno
        let ready = SteadyClock.nanoseconds()
        let more = finish()
        let now = SteadyClock.nanoseconds()
        let isWhole = Int(taken) + more == range.count
        patience.withLock { $0.noteHelped(isWhole ? range.count : 0, now - begun, own: ready - begun, now) }
        errno = code
        return (range.lowerBound..<middle, taken, more)
    }

    private func start(_ range: Range<Int>) {
        desk.first.store(range.lowerBound, ordering: .relaxed)
        desk.end.store(range.upperBound, ordering: .relaxed)
        desk.turn.store(Turn.helper, ordering: .sequentiallyConsistent)
        if desk.isAsleep.load(ordering: .sequentiallyConsistent) { desk.begun.signal() }
    }

    /// Waits for the helper; how many frames were taken.
    private func finish() -> Int {
        if !Self.spin(until: Turn.sender, desk) {
            // Asleep, so that the helper can have this processor.
            desk.isWaitedFor.store(true, ordering: .sequentiallyConsistent)
            while desk.turn.load(ordering: .sequentiallyConsistent) != Turn.sender { desk.done.wait(nanoseconds: .max) }
            desk.isWaitedFor.store(false, ordering: .relaxed)
        }
        return Int(max(0, desk.result.load(ordering: .relaxed)))
    }

    // MARK: - The helper's thread

    private static func run(_ desk: Desk, _ send: (Range<Int>) -> Int32) {
        while true {
            if !spin(until: Turn.helper, desk) {
                desk.isAsleep.store(true, ordering: .sequentiallyConsistent)
                while desk.turn.load(ordering: .sequentiallyConsistent) != Turn.helper {
                    desk.begun.wait(nanoseconds: .max)
                    desk.asked.store(0, ordering: .relaxed)
                }
                desk.isAsleep.store(false, ordering: .relaxed)
            }
            let range = desk.first.load(ordering: .relaxed)..<desk.end.load(ordering: .relaxed)
            if range.isEmpty { return }
            desk.asked.store(0, ordering: .relaxed)
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

/// When a helper is asked: as long as batches leave a tenth sooner with it than without. It rests, each time twice as long, when they do not, and when it is
/// late several times in a row, because then somebody else wants the processors. Once or twice says nothing: it must be woken first.
package struct Patience {
    /// What batches took without the helper, and with it, since they were looked at last.
    private var alone = Pace()
    private var helped = Pace()
    /// How often in a row the helper has been late.
    private var lateness = 0
    private var restUntil: Int64 = 0
    private var rest = shortestRest

    private struct Pace {
        var batches = 0
        var frames = 0
        var time: Int64 = 0

        mutating func note(_ frames: Int, _ time: Int64) {
            batches += 1
            self.frames += frames
            self.time += time
        }

        /// Nanoseconds a frame.
        var mean: Double { Double(time) / Double(max(1, frames)) }
    }

    /// So many batches are compared, and after so many that were shared it is looked again.
    private static let trial = 4
    private static let cycle = 256
    private static let mostLateness = 4
    /// What batches must take with it at most, of what they take without: two threads that gain less only burn a processor.
    private static let worthwhile = 0.9
    /// ns.
    private static let shortestRest: Int64 = 10_000_000
    private static let longestRest: Int64 = 1_000_000_000

    package init() {}

    /// Whether the helper is asked at `now`, ns.
    package func isWilling(_ now: Int64) -> Bool { now >= restUntil && alone.batches >= Self.trial }

    /// So many frames have left in so many nanoseconds without the helper.
    package mutating func noteAlone(_ frames: Int, _ time: Int64) { alone.note(frames, time) }

    /// The same with it, at `now`; the sender's own part had been done after `own` nanoseconds. No frames: the interface had no room for the batch, and
    /// then one thread is enough.
    package mutating func noteHelped(_ frames: Int, _ time: Int64, own: Int64, _ now: Int64) {
        if frames > 0 { helped.note(frames, time) }
        lateness = frames == 0 || time > own + own / 2 ? lateness + 1 : 0
        if lateness == Self.mostLateness || helped.batches >= 2 * Self.trial && helped.mean > alone.mean * Self.worthwhile {
            restUntil = now + rest
            rest = min(2 * rest, Self.longestRest)
        } else if helped.batches == Self.cycle {
            rest = Self.shortestRest
        } else {
            return
        }
        (alone, helped, lateness) = (Pace(), Pace(), 0)
    }
}
