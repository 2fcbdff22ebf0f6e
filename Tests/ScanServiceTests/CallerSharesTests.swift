import ScanService
import Synchronization
import TestSupport
import Testing

@Suite("What callers hold")
struct CallerSharesTests {
    @Test("A user holds at most its share, all of them together at most what there is, and root's share is its own")
    func bounds() {
        let shares = CallerShares(each: 4, all: 6)
        #expect(shares.take(3, by: 1000) && !shares.take(2, by: 1000) && shares.take(1, by: 1000) && !shares.take(by: 1000))
        #expect(shares.take(2, by: 1001) && !shares.take(by: 1001) && !shares.take(by: 1002))
        #expect(shares.take(4, by: 0) && !shares.take(by: 0))
        shares.giveBack(4, by: 0)
        #expect(!shares.take(by: 1002) && shares.held(by: 0) == 0)
        shares.giveBack(2, by: 1000)
        #expect(shares.take(2, by: 1002) && shares.held(by: 1000) == 2)
        #expect(!shares.take(1, by: 1003, atMost: 0) && !shares.take(-1, by: 1000))
    }

    @Test("Nothing is given back that is not held, and what is left adds up", arguments: 0..<20 as Range<UInt64>)
    func books(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let shares = CallerShares(each: 10, all: 25)
        var held: [UInt32: Int] = [:]
        for _ in 0..<2000 {
            let (uid, amount) = (UInt32.random(in: 0...4, using: &random), Int.random(in: 0...6, using: &random))
            let before = held[uid, default: 0]
            if Bool.random(using: &random) {
                let total = held.filter { $0.key != 0 }.values.reduce(0, +)
                let fits = before + amount <= 10 && (uid == 0 || total + amount <= 25)
                #expect(shares.take(amount, by: uid) == fits)
                if fits { held[uid] = before + amount }
            } else {
                shares.giveBack(amount, by: uid)
                held[uid] = max(0, before - amount)
            }
            #expect(shares.held(by: uid) == held[uid, default: 0])
        }
    }

    @Test("One user's work keeps nobody else's waiting, and no other's order changes")
    func turns() async {
        let pool = CallerPool("test-turns", threads: 4, each: 2)
        let gate = Gate()
        let (stream, done) = AsyncStream.makeStream(of: String.self)
        // Works that last until the end of the test.
        for number in 0..<10 {
            pool.submit(for: 1000) {
                gate.wait()
                // One wait ends with each opening.
                gate.open()
                done.yield("hog \(number)")
            }
        }
        for number in 0..<5 { pool.submit(for: 1001) { done.yield("other \(number)") } }
        var order: [String] = []
        for await name in stream {
            order.append(name)
            if order.count == 5 { gate.open() }
            if order.count == 15 { break }
        }
        #expect(Set(order[..<5]) == Set((0..<5).map { "other \($0)" }))
        #expect(order[5...].allSatisfy { $0.hasPrefix("hog") })
    }
}
