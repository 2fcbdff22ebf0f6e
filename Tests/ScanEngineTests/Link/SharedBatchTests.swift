import Glibc
import ScanEngine
import Synchronization
import TestSupport
import Testing

@Suite("A batch that two threads send", .timeLimit(.minutes(1)))
struct SharedBatchTests {
    /// Takes from each part as many frames as it likes, and notes them.
    private final class Kernel: Sendable {
        private struct State {
            var generator: SeededGenerator
            var frames: [Int] = []
        }

        private let state: Mutex<State>

        init(seed: UInt64) { state = Mutex(State(generator: SeededGenerator(seed: seed))) }

        func take(_ range: Range<Int>) -> Int32 {
            state.withLock { state in
                let count = Bool.random(using: &state.generator) ? range.count : Int.random(in: 0...range.count, using: &state.generator)
                state.frames += range.prefix(count)
                guard count == 0 else { return Int32(count) }
                errno = EAGAIN
                return -1
            }
        }

        var frames: [Int] { state.withLock { $0.frames } }
    }

    @Test("each frame leaves once, whatever the kernel takes of either part", arguments: 1...50 as ClosedRange<UInt64>)
    func once(seed: UInt64) throws {
        let (own, others) = (Kernel(seed: seed), Kernel(seed: seed + 1000))
        let helper = try SendHelper { others.take($0) }
        var generator = SeededGenerator(seed: seed + 2000)
        var batch = SharedBatch()
        for _ in 0..<20 {
            batch.begin()
            let before = (own.frames.count, others.frames.count)
            let size = Int.random(in: 1...1024, using: &generator)
            var next = 0
            while next < size {
                let range = next..<size
                let taken = batch.send(range, from: SendHelper.half(of: range), by: helper) { own.take($0) }
                guard taken > 0 else {
                    #expect(taken == -1 && errno == EAGAIN)
                    continue
                }
                next += Int(taken)
            }
            #expect(next == size)
            let sent = own.frames[before.0...] + others.frames[before.1...]
            #expect(sent.sorted() == Array(0..<size))
        }
    }

    @Test("what the second thread has sent is told of when the first part has left, and not sent again")
    func ahead() throws {
        let others = Mutex<[Range<Int>]>([])
        let helper = try SendHelper { range in
            others.withLock { $0.append(range) }
            return Int32(range.count)
        }
        var batch = SharedBatch()
        var own: [Range<Int>] = []
        let taken = [
            batch.send(0..<1000, from: 500, by: helper) { Self.take(100, $0, &own) },
            batch.send(100..<1000, from: 550, by: helper) { Self.take(400, $0, &own) },
            batch.send(500..<1000, from: 750, by: helper) { Self.take(0, $0, &own) },
        ]
        #expect(taken == [100, 400, 500])
        #expect(own == [0..<500, 100..<500])
        #expect(others.withLock { $0 } == [500..<1000])
    }

    private static func take(_ count: Int32, _ range: Range<Int>, _ taken: inout [Range<Int>]) -> Int32 {
        taken.append(range)
        return count
    }

    @Test("frames that were dropped with the batch say nothing about the next one")
    func dropped() throws {
        let helper = try SendHelper { Int32($0.count) }
        var batch = SharedBatch()
        let first = batch.send(0..<1000, from: 500, by: helper) { _ in 100 }
        batch.begin()
        let second = batch.send(500..<600, from: nil, by: helper) { Int32($0.count) }
        #expect(first == 100 && second == 100)
    }

    @Test("small batches have no second half")
    func small() {
        #expect(SendHelper.half(of: 0..<511) == nil)
        #expect(SendHelper.half(of: 100..<612) == 356)
    }

    @Test("a helper that is late four times in a row rests, twice as long each time up to a second; one that is not is asked again")
    func patience() {
        var patience = Patience()
        var now: Int64 = 1_000_000_000
        var asked: [Bool] = []
        func ask(isLate: Bool) {
            asked.append(patience.begin(now))
            patience.end(now + 200_000, now + (isLate ? 301_000 : 299_000))
            now += 301_000
        }
        for rest: Int64 in [10, 20, 40, 80, 160, 320, 640, 1000, 1000] {
            for _ in 0..<4 { ask(isLate: true) }
            now += rest * 1_000_000
            asked.append(!patience.begin(now - 1))
        }
        for turn in 0..<20 { ask(isLate: turn % 4 > 0) }
        #expect(!asked.contains(false))
    }
}
