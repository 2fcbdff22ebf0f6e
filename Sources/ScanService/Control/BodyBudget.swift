import ScanAPI

/// Shares a fixed amount of memory between the large requests that are being worked on; those that find no room wait their turn, for a while.
package actor BodyBudget {
    private struct Waiting {
        let number: Int
        let bytes: Int
        let turn: CheckedContinuation<Bool, Never>
    }

    private let capacity: Int
    private let patience: Duration
    private var used = 0
    private var waiting: [Waiting] = []
    private var nextNumber = 0

    package init(capacity: Int, patience: Duration = .seconds(20)) {
        self.capacity = max(1, capacity)
        self.patience = patience
    }

    /// Runs `body` while `bytes` are reserved, at most the whole capacity. Throws `Refusal` when there is no room for too long.
    package func reserving<Value: Sendable>(_ bytes: Int, _ body: @Sendable () async throws -> Value) async throws -> Value {
        let share = min(max(0, bytes), capacity)
        guard await take(share) else {
            throw Refusal(.unavailable, "synscand is busy with other large requests: try again in a moment.")
        }
        defer { giveBack(share) }
        return try await body()
    }

    /// False when the patience is over.
    private func take(_ bytes: Int) async -> Bool {
        if waiting.isEmpty, used + bytes <= capacity {
            used += bytes
            return true
        }
        let number = nextNumber
        nextNumber &+= 1
        let limit = Task { [patience] in
            try? await Task.sleep(for: patience)
            giveUp(number)
        }
        defer { limit.cancel() }
        return await withCheckedContinuation { waiting.append(Waiting(number: number, bytes: bytes, turn: $0)) }
    }

    private func giveBack(_ bytes: Int) {
        used -= bytes
        serve()
    }

    private func giveUp(_ number: Int) {
        guard let index = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: index).turn.resume(returning: false)
        serve()
    }

    private func serve() {
        while let next = waiting.first, used + next.bytes <= capacity {
            used += next.bytes
            waiting.removeFirst().turn.resume(returning: true)
        }
    }
}
