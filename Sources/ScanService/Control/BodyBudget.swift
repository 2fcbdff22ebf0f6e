import ScanAPI

/// Shares memory between the large requests that are being worked on; those that find no room wait their turn, for a while.
///
/// A user holds no more than one share, so whatever one keeps waiting, there is room for the next; and root's is root's alone. Among those who wait,
/// whoever holds least goes first.
package actor BodyBudget {
    private struct Waiting {
        let number: Int
        let uid: UInt32
        let bytes: Int
        let turn: CheckedContinuation<Bool, Never>
    }

    /// Of all users but root, and of each.
    private let capacity: Int
    private let share: Int
    private let patience: Duration
    private var held: [UInt32: Int] = [:]
    private var waiting: [Waiting] = []
    private var nextNumber = 0

    private static let root: UInt32 = 0

    /// `share` bytes are for each user, `capacity` for all together.
    package init(capacity: Int, share: Int, patience: Duration = .seconds(20)) {
        self.share = max(1, share)
        self.capacity = max(self.share, capacity)
        self.patience = patience
    }

    /// How many requests wait for their turn.
    package var waitingCount: Int { waiting.count }

    /// Runs `body` while `bytes` are reserved for the user, at most a whole share. Throws `Refusal` when there is no room for too long.
    package func reserving<Value: Sendable>(
        _ bytes: Int, for uid: UInt32, _ body: @Sendable () async throws -> Value
    ) async throws -> Value {
        let bytes = min(max(0, bytes), share)
        guard await take(bytes, for: uid) else {
            throw Refusal(
                .unavailable,
                "synscand is busy with other large requests, \(held[uid] == nil ? "those of other users" : "yours among them"): try again in a moment."
            )
        }
        defer { giveBack(bytes, uid) }
        return try await body()
    }

    /// False when the patience is over.
    private func take(_ bytes: Int, for uid: UInt32) async -> Bool {
        let number = nextNumber
        nextNumber &+= 1
        let limit = Task { [patience] in
            try? await Task.sleep(for: patience)
            giveUp(number)
        }
        defer { limit.cancel() }
        return await withCheckedContinuation { turn in
            waiting.append(Waiting(number: number, uid: uid, bytes: bytes, turn: turn))
            serve()
        }
    }

    private func giveBack(_ bytes: Int, _ uid: UInt32) {
        let rest = held[uid, default: 0] - bytes
        held[uid] = rest > 0 ? rest : nil
        serve()
    }

    private func giveUp(_ number: Int) {
        guard let index = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: index).turn.resume(returning: false)
        serve()
    }

    private func serve() {
        while let index = next() {
            let next = waiting.remove(at: index)
            held[next.uid, default: 0] += next.bytes
            next.turn.resume(returning: true)
        }
    }

    /// Whose turn it is. A large request that has waited longest is not passed by smaller ones, or it would wait for ever; root passes everybody.
    private func next() -> Int? {
        let ready = waiting.indices.filter { held[waiting[$0].uid, default: 0] + waiting[$0].bytes <= share }
        if let own = ready.first(where: { waiting[$0].uid == Self.root }) { return own }
        let first = ready.min { (held[waiting[$0].uid, default: 0], $0) < (held[waiting[$1].uid, default: 0], $1) }
        guard let first else { return nil }
        let used = held.reduce(0) { $1.key == Self.root ? $0 : $0 + $1.value }
        return used + waiting[first].bytes <= capacity ? first : nil
    }
}
