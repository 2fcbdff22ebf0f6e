/// Shares a fixed amount of memory between the large request bodies that are being read; those that find no room wait their turn.
package actor BodyBudget {
    private let capacity: Int
    private var used = 0
    private var waiting: [(bytes: Int, turn: CheckedContinuation<Void, Never>)] = []

    package init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    /// Runs `body` while `bytes` are reserved, at most the whole capacity.
    package func reserving<Value: Sendable>(_ bytes: Int, _ body: @Sendable () async throws -> Value) async throws -> Value {
        let share = min(max(0, bytes), capacity)
        await take(share)
        defer { giveBack(share) }
        return try await body()
    }

    private func take(_ bytes: Int) async {
        if waiting.isEmpty, used + bytes <= capacity {
            used += bytes
        } else {
            await withCheckedContinuation { waiting.append((bytes, $0)) }
        }
    }

    private func giveBack(_ bytes: Int) {
        used -= bytes
        while let next = waiting.first, used + next.bytes <= capacity {
            used += next.bytes
            waiting.removeFirst()
            next.turn.resume()
        }
    }
}
