import ScanAPI
import ScanService
import Synchronization
import Testing

@Suite("Memory for large requests")
struct BodyBudgetTests {
    @Test("No more is in use at once than there is, and everybody has a turn")
    func shared() async throws {
        let budget = BodyBudget(capacity: 100, share: 50)
        let gauge = Gauge()
        let served = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<60 {
                // Some ask for more than a share: they get all of it.
                let bytes = number % 7 == 0 ? 1000 : number
                group.addTask {
                    try await budget.reserving(bytes, for: UInt32(1 + number % 5)) {
                        gauge.add(min(bytes, 50))
                        await Task.yield()
                        gauge.add(-min(bytes, 50))
                        return 1
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(served == 60)
        #expect(gauge.peak <= 100)
    }

    @Test("Those who would wait too long are told to come again, and keep nothing")
    func impatient() async throws {
        let budget = BodyBudget(capacity: 10, share: 10, patience: .milliseconds(10))
        try await budget.reserving(10, for: 1) {
            let refusal = await #expect(throws: Refusal.self) { try await budget.reserving(1, for: 2) {} }
            #expect(refusal?.kind == .unavailable && refusal?.message.contains("other users") == true)
        }
        try await budget.reserving(10, for: 2) {}
    }

    @Test("A user who holds all that one may hold keeps no other waiting, and root waits for nobody")
    func fair() async throws {
        let budget = BodyBudget(capacity: 20, share: 10, patience: .milliseconds(10))
        try await budget.reserving(10, for: 1) {
            await #expect(throws: Refusal.self) { try await budget.reserving(1, for: 1) {} }
            try await budget.reserving(10, for: 2) {
                await #expect(throws: Refusal.self) { try await budget.reserving(1, for: 3) {} }
                try await budget.reserving(10, for: 0) {}
            }
            try await budget.reserving(10, for: 3) {}
        }
    }

    @Test("Among those who wait, whoever holds least goes first, however long another's queue is")
    func turns() async throws {
        let budget = BodyBudget(capacity: 10, share: 10)
        let order = Order()
        let tasks = try await budget.reserving(5, for: 1) {
            try await budget.reserving(5, for: 2) {
                var tasks: [Task<Void, any Error>] = []
                for (count, uid) in ([1, 1, 1, 3] as [UInt32]).enumerated() {
                    tasks.append(Task { try await budget.reserving(5, for: uid) { order.add(uid) } })
                    while await budget.waitingCount <= count { await Task.yield() }
                }
                return tasks
            }
        }
        for task in tasks { try await task.value }
        #expect(order.users.first == 3 && order.users.count == 4)
    }
}

/// Remembers the most that was in use at once.
private final class Gauge: Sendable {
    private let state = Mutex((used: 0, peak: 0))

    var peak: Int { state.withLock { $0.peak } }

    func add(_ bytes: Int) {
        state.withLock { state in
            state.used += bytes
            state.peak = max(state.peak, state.used)
        }
    }
}

/// Remembers who had a turn.
private final class Order: Sendable {
    private let state = Mutex<[UInt32]>([])
    var users: [UInt32] { state.withLock { $0 } }
    func add(_ uid: UInt32) { state.withLock { $0.append(uid) } }
}
