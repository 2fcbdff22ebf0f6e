import ScanAPI
import ScanService
import ScanTargets
import Synchronization
import Testing

@Suite("Looking names up: nobody keeps the others waiting")
struct FairNamesTests {
    @Test("While a thousand names of one user hang, those of others resolve, root's too")
    func others() async throws {
        let gate = Gate()
        defer { gate.open() }
        let asked = Mutex(0)
        let slow = NameResolver(limit: .seconds(60)) { _ in
            asked.withLock { $0 += 1 }
            gate.wait()
            gate.open()
            return .addresses([IPAddress(v4: 1)])
        }
        let hanging = Task { try await slow.resolve((0..<1000).map { "n\($0).example" }, for: 70_001) }
        while asked.withLock({ $0 }) == 0 { await Task.yield() }
        let quick = NameResolver(limit: .seconds(60)) { _ in .addresses([IPAddress(v4: 2)]) }
        for uid in [70_002, 70_003, 0] as [UInt32] {
            #expect(try await quick.resolve(["localhost"], for: uid) == ["localhost": .addresses([IPAddress(v4: 2)])])
        }
        #expect(asked.withLock { $0 } < 64)
        gate.open()
        #expect(try await hanging.value.count == 1000)
    }

    @Test("When a request is over, its names are looked up no more")
    func overMeansOver() async throws {
        let gate = Gate()
        let asked = Mutex(0)
        let slow = NameResolver(limit: .milliseconds(20)) { _ in
            asked.withLock { $0 += 1 }
            gate.wait()
            gate.open()
            return .nothing("is slow")
        }
        let late = try await slow.resolve((0..<1000).map { "n\($0).example" }, for: 70_004)
        #expect(late.values.allSatisfy { if case .nothing = $0 { true } else { false } })
        gate.open()
        // The threads are free again: whoever comes next has them all.
        let quick = NameResolver(limit: .seconds(60)) { _ in .addresses([IPAddress(v4: 2)]) }
        #expect(try await quick.resolve((0..<100).map { "m\($0).example" }, for: 70_004).count == 100)
        #expect(asked.withLock { $0 } < 64)
    }
}
