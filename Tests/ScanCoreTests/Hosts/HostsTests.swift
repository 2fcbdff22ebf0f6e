import ScanCore
import ScanTargets
import TestSupport
import Testing

@Suite("What is known of whole hosts")
struct HostsTests {
    private func host(_ number: UInt32) -> IPAddress { IPAddress(v4: 0xc612_0000 + number) }

    @Test("open ports are counted exactly while few hosts have any")
    func exact() {
        var tally = OpenPortTally()
        for round in 1...5 {
            let counts = (0..<2000 as Range<UInt32>).map { tally.note(host($0)) }
            #expect(counts.allSatisfy { $0 == round })
        }
        #expect(tally.count(of: host(7)) == 5 && tally.count(of: host(2000)) == 0)
    }

    @Test("a host with hundreds is noticed among a million with a few each")
    func heavy() {
        var tally = OpenPortTally()
        var generator = SeededGenerator(seed: 4)
        var most = 0
        for step in 0..<1_000_000 {
            _ = tally.note(host(UInt32(1 + generator.below(1_000_000))))
            if step % 1000 == 0 { most = tally.note(host(0)) }
        }
        // Each decrement takes one from as many hosts as there is room for.
        #expect(most >= 1000 - 1_000_000 / OpenPortTally.capacity)
    }

    @Test("nearly all of a sample open: the host answers everything; the rest of its ports is left out, those of others are not")
    func flood() {
        var watch = FloodWatch(flooded: [])
        #expect(watch.isIdle)
        watch.suspect(host(1))
        for position in 0..<100 as Range<UInt64> {
            for number in [1, 2] as [UInt32] { watch.note(host(number), position, now: Int64(position)) }
        }
        // What was dropped on its way out comes again.
        watch.note(host(1), 63, now: 63)
        #expect(watch.suspects[host(1)]?.positions == Array(0..<64))
        let due = [63, 64, 64].map { watch.takeDue(sentBefore: $0) }
        #expect(due == [[], [host(1)], []])
        let isFlooded = watch.judge(host(1), open: 60, sampled: 64, answering: 1)
        #expect(isFlooded && watch.isFlooded(host(1)) && !watch.isFlooded(host(2)))
        // It stays so, and is not suspected again.
        watch.suspect(host(1))
        #expect(watch.suspects.isEmpty && !watch.isIdle)
    }

    @Test("hundreds of open ports among silent or closed ones are what they are, and loss is allowed for")
    func noFlood() {
        var watch = FloodWatch(flooded: [host(9)])
        let verdicts = [(50, 64, 1.0), (50, 64, 0.8), (0, 0, 1), (10, 64, 0.1)].enumerated().map { number, sample in
            watch.judge(host(UInt32(number)), open: sample.0, sampled: sample.1, answering: sample.2)
        }
        #expect(verdicts == [false, true, false, false])
        #expect([0, 1, 2, 3, 9].map { watch.isFlooded(host($0)) } == [false, true, false, false, true])
    }

    @Test("a host or a network that answers far less than all others is slow, one that may be unlucky is not")
    func slow() {
        func count(_ sent: Int, _ answered: Int) -> ProbeCount { ProbeCount(sent: sent, answered: answered) }
        var canaries = [host(1): count(12, 2), host(2): count(4, 0), host(3): count(12, 9)]
        for number in 10...40 as ClosedRange<UInt32> { canaries[host(number)] = count(5, 5) }
        // Too few for each host of this network, enough for all of them.
        for number in 256...260 as ClosedRange<UInt32> { canaries[host(number)] = count(3, 1) }
        var slow = SlowHosts()
        slow.judge(canaries)
        #expect((0...40).filter { slow.contains(host($0)) } == [1])
        #expect([256, 260, 511].allSatisfy { slow.contains(host($0)) } && !slow.contains(host(512)))
        // Where all lose alike nobody is slow, and without others nobody can be told to be.
        var none = SlowHosts()
        none.judge(Dictionary(uniqueKeysWithValues: (0..<40).map { (host($0), count(10, 6)) }))
        none.judge([host(1): count(200, 20)])
        #expect(none.isEmpty)
    }

    @Test("a host is up once it has answered, whatever came before and comes after")
    func roll() throws {
        var roll = HostRoll(AddressSet([try #require(AddressRange("198.18.0.0/24"))]))
        let news = [.silent, .unreachable, .unreachable, .up, .up, .unreachable].map { roll.note(host(5), $0) }
        #expect(news == [false, true, false, true, false, false])
        #expect((0..<256).map { roll.sign(at: $0) }.filter { $0 == .up }.count == 1)
        #expect(roll.sign(at: 5) == .up && roll.sign(at: 4) == .silent)
        let isOne = roll.note(host(256), .up)
        #expect(!isOne)
    }

    @Test("another time to live contradicts, the same does not, and each target is told once")
    func memory() {
        var memory = AnswerMemory()
        #expect(!memory.contradicts(7, ttl: 64), "nothing is known")
        memory.note(7, .synAck, ttl: 64)
        #expect(!memory.contradicts(7, ttl: 64) && memory.contradicts(7, ttl: 57))
        let told = [7, 7, 8, 8].map { memory.tell($0, ttl: 57) }
        #expect(told == [true, false, true, false])
        // A far side that contradicts itself for ever is heard for a while.
        let many = (0..<200_000 as Range<UInt64>).count { memory.tell($0, ttl: 57) }
        #expect(50_000...65_536 ~= many)
    }
}
