package import ScanAPI

/// Whose turn it is among the jobs that wait: those that were interrupted first, then by priority, then first come, first served.
package struct TurnOrder: Sendable {
    package struct Turn: Sendable, Equatable, Comparable {
        package let wasInterrupted: Bool
        package let priority: JobPriority
        package let id: Int64
        /// Whose job it is.
        package let uid: UInt32
        /// Whether it counts how many jobs of this user run.
        package let isLimited: Bool

        package init(id: Int64, uid: UInt32, isLimited: Bool = true, priority: JobPriority, wasInterrupted: Bool) {
            self.isLimited = isLimited
            self.wasInterrupted = wasInterrupted
            self.priority = priority
            self.id = id
            self.uid = uid
        }

        package static func < (a: Turn, b: Turn) -> Bool {
            if a.wasInterrupted != b.wasInterrupted { return a.wasInterrupted }
            return a.priority.weight == b.priority.weight ? a.id < b.id : a.priority.weight > b.priority.weight
        }
    }

    /// Sorted. An array, because there are some thousands at most and they are gone through far more often than they change.
    private var turns: [Turn] = []
    private var known: [Int64: Turn] = [:]

    package init() {}

    /// Enters the job, moves it, or with nil takes it out.
    package mutating func set(_ turn: Turn?, for id: Int64) {
        let old = known[id]
        guard old != turn else { return }
        if let old { turns.remove(at: place(of: old)) }
        if let turn { turns.insert(turn, at: place(of: turn)) }
        known[id] = turn
    }

    /// The first for which `isFree` holds.
    package func first(where isFree: (Turn) -> Bool) -> Turn? { turns.first(where: isFree) }

    /// How many of a user's jobs wait.
    package func count(of uid: UInt32) -> Int { turns.count { $0.uid == uid } }

    package var isEmpty: Bool { turns.isEmpty }

    private func place(of turn: Turn) -> Int {
        var (low, high) = (0, turns.count)
        while low < high {
            let middle = (low + high) / 2
            if turns[middle] < turn { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
