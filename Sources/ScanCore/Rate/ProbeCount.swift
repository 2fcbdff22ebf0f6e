/// So many probes were sent, and so many of them were answered.
package struct ProbeCount: Sendable, Equatable {
    package var sent = 0
    package var answered = 0

    package init(sent: Int = 0, answered: Int = 0) {
        self.sent = sent
        self.answered = answered
    }

    /// The same share, known half as well.
    var halved: ProbeCount { ProbeCount(sent: sent / 2, answered: answered / 2) }

    package static func += (left: inout ProbeCount, right: ProbeCount) {
        left.sent += right.sent
        left.answered += right.answered
    }
}
