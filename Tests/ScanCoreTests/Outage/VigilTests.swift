import ScanCore
import ScanTargets
import Testing

@Suite("Waiting for a path")
struct VigilTests {
    private static let second: Int64 = 1_000_000_000

    /// When which questions were asked within `seconds`, looked for every ten milliseconds.
    private func questions(_ seconds: Int64) -> [(time: Int64, question: Vigil.Question)] {
        var vigil = Vigil(patience: 600 * Self.second, now: 5)
        return stride(from: 5, through: 5 + seconds * Self.second, by: 10_000_000).compactMap { now in
            vigil.question(now).map { (now - 5, $0) }
        }
    }

    @Test("after the first moment at most one question a second is asked, and the fewer the longer it lasts")
    func quiet() {
        let times = questions(600).map(\.time)
        #expect(times.count { $0 < Self.second } == 4)
        let gaps = zip(times.dropFirst(), times).map { $0 - $1 }.dropFirst(3)
        #expect(gaps.allSatisfy { $0 >= Self.second && $0 <= 15 * Self.second + 10_000_000 })
        #expect(zip(gaps.dropFirst(), gaps).allSatisfy { $0 + 10_000_000 >= $1 })
        #expect(times.count < 70)
    }

    @Test("those that answered are asked and, after the first moment, others too")
    func mixed() {
        let asked = questions(60).map(\.question)
        #expect(asked.prefix(4).allSatisfy { $0 == .answered })
        let unasked = asked.count { $0 == .unasked }
        #expect(unasked * 4 >= asked.count - 4 && unasked * 2 < asked.count)
    }

    @Test(
        "few silent hosts do not hold up the others for long where the next hop answers; many do, and so does a next hop that is silent",
        arguments: [
            (1, true, 10), (4, true, 10), (5, true, 600), (1, false, 600), (2, nil, 60),
        ] as [(Int, Bool?, Int64)])
    func verdict(silent: Int, hop: Bool?, seconds: Int64) {
        let vigil = Vigil(patience: 600 * Self.second, now: 0)
        for time in 0..<seconds {
            guard case .wait = vigil.verdict(silentHosts: silent, isHopAlive: hop, time * Self.second) else {
                Issue.record("not after \(time) s")
                return
            }
        }
        switch vigil.verdict(silentHosts: silent, isHopAlive: hop, seconds * Self.second) {
        case .wait: Issue.record("it still waits")
        case .goOn: #expect(seconds < 600)
        case .giveUp: #expect(seconds == 600)
        }
    }

    /// When the first answer comes, where the path is gone for `outage` and its round trip takes so long; ms.
    private func answered(outage: Int64, roundTrip: Int64) -> Int64? {
        var vigil = Vigil(patience: 600 * Self.second, now: 0)
        var book = CanaryBook()
        var underWay: [(target: UInt64, time: Int64)] = []
        for time in stride(from: Int64(0), to: 600_000, by: 10) {
            for answer in underWay where answer.time <= time { _ = book.answer(answer.target) }
            if !book.answered.isEmpty { return time }
            guard vigil.question(time * 1_000_000) != nil else { continue }
            book.note(UInt64(time), at: 0, time: time * 1_000_000)
            if time >= outage { underWay.append((UInt64(time), time + roundTrip)) }
        }
        return nil
    }

    @Test(
        "whatever a round trip takes, that the path is back is noticed soon after it is",
        arguments: [0, 60, 125, 160, 250, 600, 1000, 2000, 9000] as [Int64], [0, 100, 1000, 3000, 20_000, 120_000] as [Int64])
    func patience(roundTrip: Int64, outage: Int64) throws {
        let time = try #require(answered(outage: outage, roundTrip: roundTrip))
        #expect(time >= outage + roundTrip)
        #expect(time <= outage + roundTrip + min(max(1000, outage / 4), 15_000) + 20)
    }

    @Test("while nothing may be sent no time passes")
    func held() {
        var vigil = Vigil(patience: 20 * Self.second, now: 0)
        vigil.hold(1000 * Self.second)
        #expect(vigil.question(999 * Self.second) == nil)
        #expect(vigil.question(1000 * Self.second) == .answered)
        guard case .wait = vigil.verdict(silentHosts: 9, isHopAlive: nil, 1019 * Self.second) else {
            Issue.record("it gave up early")
            return
        }
    }
}

@Suite("Canaries that routers refuse")
struct RefusedCanariesTests {
    private func address(_ number: Int) -> IPAddress { IPAddress(v4: 0xC612_4000 + UInt32(number)) }

    @Test("few hosts speak for themselves alone")
    func few() {
        var refused = RefusedCanaries()
        #expect(refused.isEmpty && refused.doubtful(within: 0..<1000) == nil)
        for place in 0..<40 { refused.note(address(place % 4), at: UInt64(place * 10)) }
        #expect(!refused.isEmpty && refused.hosts.count == 4 && refused.doubtful(within: 0..<1000) == nil)
    }

    @Test("many make doubtful what was sent about when they were")
    func many() throws {
        var refused = RefusedCanaries()
        for number in 0..<21 { refused.note(address(number), at: 5000 + UInt64(number) * 100) }
        let part = try #require(refused.doubtful(within: 0..<100_000))
        #expect(part.lowerBound <= 4000 && part.lowerBound >= 3900)
        #expect(part.upperBound >= 8000 && part.upperBound <= 8100)
        #expect(refused.doubtful(within: 4500..<6000) == 4500..<6000)
    }
}
