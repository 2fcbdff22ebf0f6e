import ScanCore
import TestSupport
import Testing

@Suite("When a probe left")
struct SendLogTests {
    private static let start: Int64 = 1_800_000_000_000_000

    /// Batches of probes, as the transmit thread notes them: first position and time.
    private static func batches(_ count: Int, seed: UInt64, longestGap: Int64) -> [(first: UInt64, time: Int64)] {
        var generator = SeededGenerator(seed: seed)
        var batches: [(UInt64, Int64)] = []
        var (position, time) = (UInt64(1000), start)
        for _ in 0..<count {
            batches.append((position, time))
            position += UInt64.random(in: 1...64, using: &generator)
            time += Int64.random(in: 0...longestGap, using: &generator)
        }
        return batches
    }

    @Test("a log without entries knows nothing")
    func empty() {
        let log = SendLog()
        #expect(log.time(of: 5) == nil)
        #expect(log.position(at: Self.start) == nil)
    }

    @Test("a probe's time is known to a quarter of a millisecond, never too late", arguments: [20, 100, 300, 2000] as [Int64])
    func times(longestGap: Int64) throws {
        let log = SendLog()
        let batches = Self.batches(5000, seed: 80, longestGap: longestGap)
        #expect(log.time(of: 1000) == nil)
        for batch in batches { log.note(batch.first, at: batch.time) }
        #expect(log.time(of: 999) == nil)
        for (batch, next) in zip(batches, batches.dropFirst()) {
            for position in batch.first..<next.first {
                let early = batch.time - (try #require(log.time(of: position)))
                #expect((0..<250).contains(early), "position \(position)")
            }
        }
        let last = try #require(batches.last)
        #expect(try #require(log.time(of: last.first + 1_000_000)) <= last.time)
    }

    @Test("everything before the place where a stopped run goes on had left before the given time", arguments: [20, 300, 2000] as [Int64])
    func rewind(longestGap: Int64) throws {
        let log = SendLog()
        let batches = Self.batches(5000, seed: 81, longestGap: longestGap)
        for batch in batches { log.note(batch.first, at: batch.time) }
        #expect(log.position(at: Self.start) == nil)
        var generator = SeededGenerator(seed: 82)
        for _ in 0..<2000 {
            let time = Int64.random(in: Self.start + 1...batches[4999].time, using: &generator)
            let position = try #require(log.position(at: time))
            // The last batch that left before `time` is the latest that may be left out up to its own start.
            let tooLate = batches.last { $0.time < time }
            #expect(position <= (try #require(tooLate)).first, "nothing may be skipped that left at \(time) or later")
            // It goes back over half a millisecond of probes at most, and one batch.
            let bound = batches.last { $0.time < time - 500 - longestGap }
            #expect(position >= bound?.first ?? 0)
        }
    }

    @Test("a very long round forgets its oldest probes and keeps the newer ones right")
    func overwritten() throws {
        let log = SendLog()
        let count = 100_000
        for index in 0..<count { log.note(UInt64(index) * 10, at: Self.start + Int64(index) * 250) }
        #expect(log.time(of: 0) == nil)
        var known = 0
        for index in stride(from: 0, to: count, by: 7) {
            guard let time = log.time(of: UInt64(index) * 10 + 3) else { continue }
            #expect(time == Self.start + Int64(index) * 250)
            known += 7
        }
        // More than three and a half seconds at a quarter of a millisecond each.
        #expect(known > 14_000)
        #expect(log.position(at: Self.start + 250) == nil)
        #expect(log.position(at: Self.start + Int64(count - 10) * 250) == UInt64(count - 11) * 10)
    }
}
