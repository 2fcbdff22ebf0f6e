import Glibc
import PacketIO
import ScanCore
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
        let helper = Self.willing(
            try SendHelper { range in
                others.withLock { $0.append(range) }
                return Int32(range.count)
            })
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

    /// The helper once it knows how long batches take without it.
    private static func willing(_ helper: SendHelper) -> SendHelper {
        var batch = SharedBatch()
        for _ in 0..<4 {
            _ = batch.send(0..<1000, from: 500, by: helper) { range in
                usleep(10_000)
                return Int32(range.count)
            }
        }
        return helper
    }

    private static func take(_ count: Int32, _ range: Range<Int>, _ taken: inout [Range<Int>]) -> Int32 {
        taken.append(range)
        return count
    }

    @Test("frames that were dropped with the batch say nothing about the next one")
    func dropped() throws {
        let helper = Self.willing(try SendHelper { Int32($0.count) })
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

    /// Batches of 1024 frames, one after the other, each the helper's own choice; how many were shared.
    private struct Batches {
        var patience = Patience()
        var now: Int64 = 1_000_000_000
        var shared = 0

        /// Microseconds that a batch takes alone and shared, and that the sender's own part takes.
        mutating func send(_ count: Int, alone: Int64, shared time: Int64, own: Int64) {
            for _ in 0..<count {
                if patience.isWilling(now) {
                    shared += 1
                    now += time * 1000
                    patience.noteHelped(1024, time * 1000, own: own * 1000, now)
                } else {
                    now += alone * 1000
                    patience.noteAlone(1024, alone * 1000)
                }
            }
        }
    }

    @Test("a helper that helps has nearly all batches")
    func helpful() {
        var batches = Batches()
        batches.send(10_000, alone: 400, shared: 250, own: 240)
        #expect(batches.shared > 9800)
    }

    @Test(
        "a helper with which batches take longer, or that is late, rests longer and longer",
        arguments: [(700, 690), (390, 380), (390, 200)])
    func useless(time: Int64, own: Int64) {
        var batches = Batches()
        batches.send(50_000, alone: 400, shared: time, own: own)
        // 20 seconds: seven rests up to half a second, then one a second, and at most eight batches in between.
        #expect(batches.shared > 0 && batches.shared <= 8 * 28)
        let before = batches.shared
        batches.send(10_000, alone: 400, shared: 250, own: 240)
        #expect(batches.shared - before > 7000)
    }
}
