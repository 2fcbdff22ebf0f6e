/// Notices that nothing comes back any more: that is no result of a scan, but a path that has gone.
///
/// It learns which share of first probes and of canaries answers, and counts how many answers were to be expected since the last one. With so
/// many missing in a row chance is ruled out: e⁻³⁰. Not thread-safe.
package struct OutageWatch: Sendable {
    private static let certain = 30.0

    private var reference = (first: ProbeCount(), canaries: ProbeCount())
    private var expected = 0.0
    private var darkFrom: UInt64?
    /// Where the last two stretches began that had answers: the fault lies in one of them.
    private var lastLight: [UInt64] = []

    package init() {}

    /// A round has other targets than the one before.
    package mutating func beginRound() {
        reference.first = ProbeCount()
        lastLight = []
        forget()
    }

    /// Another part of the order is sent: the fault cannot lie where the last one was.
    package mutating func beginPass() { (lastLight, darkFrom) = ([], nil) }

    /// What was missing is explained: counting begins again.
    package mutating func forget() { (expected, darkFrom) = (0, nil) }

    /// Takes a stretch whose answers have had the time to come. When nothing answers any more: a position before the fault.
    package mutating func judge(_ stretch: Stretch) -> UInt64? {
        let first = stretch.isFirst ? stretch.first : ProbeCount()
        guard stretch.first.answered + stretch.canaries.answered == 0 else {
            reference.first += first
            reference.canaries += stretch.canaries
            lastLight = lastLight.suffix(1) + [stretch.positions.lowerBound]
            forget()
            return nil
        }
        expected += Self.expected(first, reference.first) + Self.expected(stretch.canaries, reference.canaries)
        darkFrom = darkFrom ?? lastLight.first ?? stretch.positions.lowerBound
        return expected >= Self.certain ? darkFrom : nil
    }

    private static func expected(_ now: ProbeCount, _ reference: ProbeCount) -> Double {
        reference.sent > 0 ? Double(now.sent) * Double(reference.answered) / Double(reference.sent) : 0
    }
}
