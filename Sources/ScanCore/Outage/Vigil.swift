/// Waiting for a path that has gone: when somebody is asked whether it is back, whom, and how long that goes on.
///
/// Whoever waits is quiet: a few questions in the first second, which tell an outage from a moment's loss, then at most one a second, and the fewer
/// the longer it lasts. Two of three go to targets that have answered before, one to a target that was never asked: those that answered may all be
/// gone for good while others live. An answer counts whenever it comes, so a slow path is waited for like a quick one.
/// Times are ns on the steady clock. Not thread-safe.
package struct Vigil: Sendable {
    package enum Question: Sendable { case answered, unasked }

    package enum Verdict: Sendable {
        case wait
        /// The path is there and only few hosts have gone: the scan goes on without them.
        case goOn
        case giveUp
    }

    /// With so many silent hosts it is the path; fewer may have been switched off, or refuse this scanner.
    package static let manyHosts = 5
    /// So long few silent hosts hold up the others, where the next hop answers, and where there is none that could be asked.
    private static let patienceWithFew: Int64 = 10_000_000_000
    private static let patienceUnsure: Int64 = 60_000_000_000
    /// When the first questions are asked, after the start; and how far apart the later ones are at least and at most.
    private static let first: [Int64] = [0, 150_000_000, 400_000_000, 900_000_000]
    private static let shortest: Int64 = 1_000_000_000
    private static let longest: Int64 = 15_000_000_000

    private let patience: Int64
    private var start: Int64
    private var asked = 0
    private var next: Int64

    package init(patience: Int64, now: Int64) {
        (self.patience, start, next) = (patience, now, now)
    }

    /// How long it has lasted.
    package func elapsed(_ now: Int64) -> Int64 { now - start }

    /// So long no question is due.
    package func rest(_ now: Int64) -> Int64 { max(0, next - now) }

    /// The question that is due; nil before its time.
    package mutating func question(_ now: Int64) -> Question? {
        guard now >= next else { return nil }
        asked += 1
        next = asked < Self.first.count ? start + Self.first[asked] : now + min(max(Self.shortest, elapsed(now) / 4), Self.longest)
        return asked > Self.first.count && asked % 3 == 2 ? .unasked : .answered
    }

    /// Nothing could be sent for so long: that is no time of silence.
    package mutating func hold(_ time: Int64) {
        start += time
        next += time
    }

    /// `silentHosts` have answered before and do not now. `isHopAlive`: whether the next hop has answered meanwhile, nil where there is none to ask.
    package func verdict(silentHosts: Int, isHopAlive: Bool?, _ now: Int64) -> Verdict {
        if elapsed(now) >= patience { return .giveUp }
        guard silentHosts < Self.manyHosts, isHopAlive != false else { return .wait }
        let enough = isHopAlive == nil ? Self.patienceUnsure : Self.patienceWithFew
        return elapsed(now) >= min(enough, patience / 2) ? .goOn : .wait
    }
}
