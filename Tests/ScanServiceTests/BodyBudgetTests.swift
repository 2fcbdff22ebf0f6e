import ScanAPI
import ScanService
import Synchronization
import Testing

@Suite("Memory for large requests")
struct BodyBudgetTests {
    @Test("No more is in use at once than there is, and everybody has a turn")
    func shared() async throws {
        let budget = BodyBudget(capacity: 100)
        let gauge = Gauge()
        let served = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<60 {
                // Some ask for more than there is: they get all of it.
                let bytes = number % 7 == 0 ? 1000 : number
                group.addTask {
                    try await budget.reserving(bytes) {
                        gauge.add(min(bytes, 100))
                        await Task.yield()
                        gauge.add(-min(bytes, 100))
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
        let budget = BodyBudget(capacity: 10, patience: .milliseconds(10))
        try await budget.reserving(10) {
            let refusal = await #expect(throws: Refusal.self) { try await budget.reserving(1) {} }
            #expect(refusal?.kind == .unavailable)
        }
        try await budget.reserving(10) {}
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
