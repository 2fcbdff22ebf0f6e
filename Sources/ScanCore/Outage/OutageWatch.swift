import CMath

/// Notices that nothing comes back any more: that is no result of a scan, but a path that has gone.
///
/// It learns which share of first probes and of canaries answers. When so many have had no answer since the last one that chance is ruled out,
/// e⁻³⁰, also that by which the share seemed greater than it is, the path has gone. In the same way it notices that nothing came back at first.
/// Not thread-safe.
package struct OutageWatch: Sendable {
    package enum Sign: Sendable, Equatable {
        /// Nothing answers any more; a position before the fault.
        case dark(from: UInt64)
        /// Nothing answered at first, though much does now; a position behind what was sent then.
        case dawn(UInt64)
    }

    private struct Counts {
        var first = ProbeCount()
        var canaries = ProbeCount()

        static func += (left: inout Counts, right: Counts) {
            left.first += right.first
            left.canaries += right.canaries
        }

        /// How surprising it is that none of these has answered, by what is known of others.
        func surprise(_ reference: Counts) -> Double {
            Self.surprise(first.sent, reference.first) + Self.surprise(canaries.sent, reference.canaries)
        }

        /// −ln of the chance that none of `sent` answers, where so many of others have: the share is Beta(k + ½, m − k + ½).
        static func surprise(_ sent: Int, _ reference: ProbeCount) -> Double {
            guard sent > 0, reference.sent > 0 else { return 0 }
            let (answered, silent) = (Double(reference.answered) + 0.5, Double(max(0, reference.sent - reference.answered)) + 0.5)
            let more = silent + Double(sent)
            return cmath_lgamma(silent) - cmath_lgamma(more) + cmath_lgamma(answered + more) - cmath_lgamma(answered + silent)
        }
    }

    private static let certain = 30.0
    /// Enough where being wrong costs little, and there is no other occasion to notice.
    private static let certainInTheEnd = 6.0
    private static let believed = 1000

    /// All up to the last answer, and what was sent since then.
    private var reference = Counts()
    private var missing = Counts()
    private var darkFrom: UInt64?
    /// Where the last two stretches began that had answers: the fault lies in one of them.
    private var lastLight: [UInt64] = []
    /// First probes of this part of the order that were sent before anything answered, and where they end; nil once they are judged.
    private var night: (sent: Int, end: UInt64)?

    package init() {}

    /// A round begins. What share of first probes answers stays known: in every chunk they go to targets in random order.
    package mutating func beginRound() {
        lastLight = []
        forget()
    }

    /// Another part of the order is sent: the fault cannot lie where the last one was.
    package mutating func beginPass() { (lastLight, darkFrom, night) = ([], nil, (0, 0)) }

    /// What was missing is explained: counting begins again.
    package mutating func forget() { (missing, darkFrom) = (Counts(), nil) }

    /// Those that answered have gone for good: what they were like says nothing any more.
    package mutating func beginAnew() {
        (reference, night) = (Counts(), nil)
        forget()
    }

    /// Whether the last stretches had no answer, so that a fault may lie there that is too small to be noticed.
    package var isTailDark: Bool { darkFrom != nil }

    /// Takes a stretch whose answers have had the time to come.
    package mutating func judge(_ stretch: Stretch) -> Sign? {
        missing += Counts(first: stretch.isFirst ? stretch.first : ProbeCount(), canaries: stretch.canaries)
        guard stretch.first.answered + stretch.canaries.answered == 0 else {
            if night?.sent == 0 || !stretch.isFirst { night = nil }
            reference += missing
            lastLight = lastLight.suffix(1) + [stretch.positions.lowerBound]
            forget()
            return dawn()
        }
        if let before = night, reference.first.sent == 0 {
            // Kept apart until it is clear whether they had the chance of the others.
            night = (before.sent + missing.first.sent, stretch.positions.upperBound)
            missing.first = ProbeCount()
        }
        darkFrom = darkFrom ?? lastLight.first ?? stretch.positions.lowerBound
        var known = reference
        known.first.sent += night?.sent ?? 0
        return missing.surprise(known) >= Self.certain ? darkFrom.map { .dark(from: $0) } : nil
    }

    /// Takes canaries that were sent at the end of a part to learn whether it was answered to its end; a position before the fault if it was not.
    package mutating func judge(asked canaries: ProbeCount) -> UInt64? {
        missing.canaries += canaries
        guard canaries.answered == 0 else {
            reference += missing
            forget()
            return nil
        }
        // Without a reference they are believed: each has answered before.
        var known = reference
        if known.canaries.sent == 0 { known.canaries = ProbeCount(sent: Self.believed, answered: Self.believed) }
        return missing.surprise(known) >= Self.certainInTheEnd ? darkFrom : nil
    }

    /// The part is over: whether nothing answered at first, by whatever has answered since.
    package mutating func endPass() -> Sign? {
        let sign = dawn(Self.certainInTheEnd)
        if let before = night { reference.first.sent += before.sent }
        night = nil
        return sign
    }

    /// Whether as many as were sent in the night would surely have had an answer.
    private mutating func dawn(_ certain: Double = OutageWatch.certain) -> Sign? {
        guard let before = night, reference.first.answered > 0, Counts.surprise(before.sent, reference.first) >= certain else { return nil }
        night = nil
        return .dawn(before.end)
    }
}
