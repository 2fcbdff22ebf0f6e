import PacketIO
import ScanCore
import ScanEngine
import Synchronization

/// What waits for the recorder's thread. Any thread puts, one takes.
final class RecordQueue: Sendable {
    private struct State {
        var entries: [RecordEntry] = []
        var hasChange = false
        var isClosed = false
    }

    private let state = Mutex(State())
    /// Findings that were put and not yet settled.
    private let pendingFindings = Atomic<Int>(0)
    /// Set while nothing more shall be found.
    private let blocked = Atomic<Bool>(false)
    /// When the recorder's thread was last seen at work; ns on the steady clock.
    private let pulse = Atomic<Int64>(SteadyClock.nanoseconds())
    private let wake: WakeEvent

    /// About 12 MiB of findings.
    private static let fullCount = 131_072
    /// So many make a transaction; about 20 MiB of lines. Each transaction writes most pages of the index again, so many small ones would cost more.
    static let batchCount = 65_536

    init() throws(EngineError) {
        wake = try WakeEvent()
    }

    /// False once the queue is closed: the entry was not taken.
    func put(_ entry: RecordEntry) -> Bool {
        let (before, after) = pendingFindings.add(entry.findingCount, ordering: .relaxed)
        let makesWork = before < Self.batchCount && after >= Self.batchCount
        let (isTaken, isFirst) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            let isFirst = state.entries.isEmpty
            state.entries.append(entry)
            state.hasChange = state.hasChange || entry.isChange
            return (true, isFirst)
        }
        if isFirst || entry.isChange || makesWork { wake.signal() }
        return isTaken
    }

    /// What waits, in order, up to a whole transaction.
    func takeBatch() -> [RecordEntry] {
        beat()
        return state.withLock { state in
            var findings = 0
            let end = state.entries.firstIndex { entry in
                findings += entry.findingCount
                return findings >= Self.batchCount
            }
            guard let end, end + 1 < state.entries.count else {
                state.hasChange = false
                defer { state.entries = [] }
                return state.entries
            }
            let batch = Array(state.entries[...end])
            state.entries.removeFirst(batch.count)
            state.hasChange = state.entries.contains(where: \.isChange)
            return batch
        }
    }

    /// Takes out what somebody waits for who should not be kept waiting while the store cannot be written.
    func takeImpatient() -> [RecordEntry] {
        state.withLock { state in
            let impatient = state.entries.filter(\.isImpatient)
            state.entries.removeAll(where: \.isImpatient)
            return impatient
        }
    }

    /// Tells that so many findings are durable.
    func settle(findings count: Int) {
        pendingFindings.subtract(count, ordering: .relaxed)
    }

    /// True while producers should pause.
    var isFull: Bool { blocked.load(ordering: .relaxed) || pendingFindings.load(ordering: .relaxed) > Self.fullCount }

    /// True when enough waits for a whole transaction.
    var hasBatch: Bool { pendingFindings.load(ordering: .relaxed) >= Self.batchCount }

    var isBlocked: Bool { blocked.load(ordering: .relaxed) }

    func setBlocked(_ value: Bool) {
        blocked.store(value, ordering: .relaxed)
    }

    var isEmpty: Bool { state.withLock { $0.entries.isEmpty && !$0.isClosed } }
    /// Whether somebody waits for an answer.
    var hasChange: Bool { state.withLock { $0.hasChange } }
    var isClosed: Bool { state.withLock { $0.isClosed } }
    /// Whether it is closed and everything has been taken.
    var isDone: Bool { state.withLock { $0.isClosed && $0.entries.isEmpty } }

    /// Takes nothing more from now on.
    func close() {
        state.withLock { $0.isClosed = true }
        wake.signal()
    }

    func wait(nanoseconds: Int64) {
        wake.wait(nanoseconds: nanoseconds)
        beat()
    }

    private func beat() { pulse.store(SteadyClock.nanoseconds(), ordering: .relaxed) }

    /// Whether the recorder's thread was at work within the last `nanoseconds`.
    func isAlive(within nanoseconds: Int64) -> Bool {
        SteadyClock.nanoseconds() - pulse.load(ordering: .relaxed) < nanoseconds
    }
}
