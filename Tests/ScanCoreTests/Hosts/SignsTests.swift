import ScanCore
import Testing

@Suite("Signs that prove nothing")
struct SignsTests {
    private func sign(_ kind: Reply.Kind, at time: Int64 = 1) -> Signs.Sign { Signs.Sign(kind, time: time, timeToLive: 60, interface: nil) }

    @Test("the same from two ports says something, twice from one port or two kinds do not, a challenge never")
    func twice() {
        var signs = Signs()
        let first = [
            signs.note(1, sign(.bareReset), attempt: 0), signs.note(1, sign(.bareReset), attempt: 0),
            signs.note(2, sign(.loneSyn), attempt: 0),
            signs.note(2, sign(.loneSyn, at: 2), attempt: 3), signs.note(3, sign(.bareReset), attempt: 0),
            signs.note(3, sign(.loneSyn), attempt: 1), signs.note(4, sign(.challenge), attempt: 0),
            signs.note(4, sign(.challenge), attempt: 1), signs.note(5, sign(.bareReset), attempt: 7),
            signs.note(5, sign(.bareReset), attempt: 8),
        ]
        #expect(first == [true, false, true, false, true, false, true, false, true, false])
        #expect(signs.open == [1, 3, 4])
        #expect(signs.all.map(\.position) == [1, 2, 3, 4, 5])
        #expect(signs.all.map(\.sign.reason) == [nil, .splitHandshakeSyn, nil, nil, .reset])
        #expect(signs.all.map(\.sign.attempt) == [0, 3, 1, 1, 8] && signs.all[1].sign.time == 2)
    }

    @Test("whoever makes up signs fills bounded memory")
    func bounded() {
        var signs = Signs()
        for position in 0..<UInt64(Signs.most) + 1000 { _ = signs.note(position, sign(.bareReset), attempt: 0) }
        let isKnownStill = signs.note(5, sign(.bareReset), attempt: 1)
        #expect(!isKnownStill && signs.all.count == Signs.most && signs.all[5].sign.reason == .reset)
    }
}
