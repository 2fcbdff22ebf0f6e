/// Probes to targets that have answered already: how many of them answer again tells how much the path loses.
///
/// Guarded by the books' lock; the capacity is fixed, nothing is allocated per packet.
package struct CanaryBook: Sendable {
    private struct Entry {
        var target: UInt64
        /// Where in the order of the round it was sent.
        var place: UInt64
        /// When it was sent; ns on the steady clock.
        var time: Int64
        var isAnswered = false
        var isLost = false
    }

    package static let capacity = 8192

    private var entries: [Entry] = []
    /// The last canary of each target.
    private var latest: [UInt64: Int] = [:]
    private var unanswered = 0

    package init() {
        entries.reserveCapacity(Self.capacity)
        latest.reserveCapacity(Self.capacity)
    }

    package var isFull: Bool { entries.count == Self.capacity }
    package var count: Int { entries.count }

    /// Forgets the canaries of the last round.
    package mutating func begin() {
        entries.removeAll(keepingCapacity: true)
        latest.removeAll(keepingCapacity: true)
        unanswered = 0
    }

    /// Whether each has been answered.
    package var isAnswered: Bool { unanswered == 0 }

    /// The targets of those that have been answered.
    package var answered: [UInt64] { unanswered == count ? [] : entries.filter(\.isAnswered).map(\.target) }

    /// Whether a canary for this target, sent after `time` (ns), has no answer yet: the answer of a second one could not be told from its own.
    package func isPending(_ target: UInt64, since time: Int64) -> Bool {
        latest[target].map { !entries[$0].isAnswered && entries[$0].time > time } ?? false
    }

    /// Notes a canary for the target at position `target`, sent at `time` (ns) when the round had come to `place`. There must be room.
    package mutating func note(_ target: UInt64, at place: UInt64, time: Int64) {
        latest[target] = entries.count
        entries.append(Entry(target: target, place: place, time: time))
        unanswered += 1
    }

    /// Notes an answer of the target at this position; where its canary was sent, nil when it has answered or had none.
    package mutating func answer(_ target: UInt64) -> UInt64? {
        guard let index = latest[target], !entries[index].isAnswered else { return nil }
        entries[index].isAnswered = true
        unanswered -= 1
        return entries[index].place
    }

    /// Where the canary of the target at this position was sent that has not been answered yet.
    package func place(of target: UInt64) -> UInt64? {
        latest[target].flatMap { entries[$0].isAnswered ? nil : entries[$0].place }
    }

    /// The part of the round that has been sent so far was sent too fast: its canaries count for nothing.
    package mutating func void(_ part: Range<UInt64>) {
        for index in entries.indices where part.contains(entries[index].place) { entries[index].isLost = true }
    }

    /// Those that count and have had the time to be answered: sent before `time`, ns.
    package func canaries(sentBefore time: Int64) -> ProbeCount {
        entries.reduce(into: ProbeCount()) { sum, entry in
            guard !entry.isLost, entry.time < time else { return }
            sum.sent += 1
            if entry.isAnswered { sum.answered += 1 }
        }
    }

    /// Those that count, by what `key` says of their targets.
    package func canaries<Key: Hashable>(by key: (UInt64) -> Key?) -> [Key: ProbeCount] {
        entries.reduce(into: [:]) { sums, entry in
            guard !entry.isLost, let key = key(entry.target) else { return }
            sums[key, default: ProbeCount()].sent += 1
            if entry.isAnswered { sums[key, default: ProbeCount()].answered += 1 }
        }
    }

    /// Those that count.
    package var canaries: ProbeCount { canaries(sentBefore: .max) }
}

/// The targets that answered first not long ago, for canaries among them.
///
/// Guarded by the books' lock.
package struct RecentAnswers: Sendable {
    private static let capacity = 256
    private var entries: [(target: UInt64, sweep: Int)] = []
    private var next = 0

    package init() { entries.reserveCapacity(Self.capacity) }

    package mutating func note(_ target: UInt64, sweep: Int) {
        if entries.count < Self.capacity {
            entries.append((target, sweep))
        } else {
            entries[next] = (target, sweep)
            next = (next + 1) % Self.capacity
        }
    }

    /// Those that answered in this sweep or a later one, at most `most`.
    package func targets(since sweep: Int, most: Int) -> [UInt64] {
        Array(entries.filter { $0.sweep >= sweep }.suffix(most).map(\.target))
    }
}
