/// The most that an interface takes: a driver whose ring is full drops frames that it has taken already, and only its counter tells.
///
/// Such frames never were on the path, so the path is not judged by them: they are sent again, a little slower than the interface has been seen to
/// take. From there the bound goes up, carefully at first, then faster, until it bounds nothing. Where it lets through the less the less it is given,
/// the rate is not the reason: then there is no bound for a while, and what is dropped is only sent again. Not thread-safe.
package struct LinkBound: Sendable {
    /// Probes a second; infinite where nothing is dropped.
    package private(set) var rate = Double.infinity

    /// The share of a stretch that may be lost: less than what a scan may miss.
    private static let tolerated = 0.001
    /// ns.
    private static let holdTime: Int64 = 300_000_000
    /// No interface takes more; probes a second.
    private static let beyondAll = 1e9
    private static let firstGrowth = 0.005
    private static let mostGrowth = 0.5
    /// So long what is dropped is not taken for the rate's fault; ns.
    private static let indifference: Int64 = 30_000_000_000
    private var indifferentUntil: Int64 = 0
    /// What an earlier stretch was given and let through, probes a second, and how often since a slower one has let through less in proportion.
    private var earlier: (tried: Double, through: Double)?
    private var inProportion = 0
    private var lastChange: Int64 = 0
    /// By what share it goes up next.
    private var growth = LinkBound.firstGrowth

    package init() {}

    /// Takes a stretch of `elapsed` ns that ended at `now`; true when too many of its frames were dropped.
    package mutating func judge(sent: Int, dropped: Int, elapsed: Int64, now: Int64) -> Bool {
        guard Double(dropped) > Self.tolerated * Double(sent) else {
            recover(now)
            return false
        }
        let tried = Double(sent) * 1e9 / Double(max(elapsed, 1))
        let through = tried * (1 - Double(min(dropped, sent)) / Double(max(sent, 1)))
        if now < indifferentUntil { return true }
        if isIndifferent(tried, through) {
            (rate, earlier, inProportion, indifferentUntil) = (.infinity, nil, 0, now + Self.indifference)
            return true
        }
        rate = max(RateController.slowest, min(rate, 0.97 * max(through, 0.3 * tried)))
        (lastChange, growth) = (now, Self.firstGrowth)
        return true
    }

    /// Whether it has become clear that less is dropped only because less is sent. Twice, because at first its ring was empty and took more.
    private mutating func isIndifferent(_ tried: Double, _ through: Double) -> Bool {
        guard let before = earlier, tried < before.tried else {
            earlier = (tried, through)
            return false
        }
        // What differs by less may be chance.
        guard tried < 0.75 * before.tried else { return false }
        earlier = (tried, through)
        if through == 0 || through < 0.85 * before.through {
            inProportion += 1
        } else if before.through > 0 {
            inProportion = 0
        }
        return inProportion == 2
    }

    private mutating func recover(_ now: Int64) {
        guard rate.isFinite, now - lastChange >= Self.holdTime else { return }
        rate *= 1 + growth
        if rate > Self.beyondAll { (rate, earlier, inProportion) = (.infinity, nil, 0) }
        growth = min(growth * 1.5, Self.mostGrowth)
        lastChange = now
    }
}
