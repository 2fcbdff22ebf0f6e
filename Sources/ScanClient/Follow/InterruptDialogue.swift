/// What Ctrl-C means while a job is followed: a question on a terminal, the end of following elsewhere or the second time.
package struct InterruptDialogue: Sendable {
    package enum Step: Equatable, Sendable {
        /// Put the question.
        case ask
        /// Leave the job to itself.
        case detach
        /// Have the job cancelled, and go on following until it is.
        case cancel
        /// Go on as before.
        case follow
    }

    private let canAsk: Bool
    private var isAsking = false

    package init(canAsk: Bool) {
        self.canAsk = canAsk
    }

    package mutating func interrupted() -> Step {
        guard canAsk, !isAsking else { return .detach }
        isAsking = true
        return .ask
    }

    /// - Parameter answer: the line that was typed.
    package mutating func answered(_ answer: String) -> Step {
        isAsking = false
        switch answer.first(where: { $0 != " " }) {
        case "d", "D": return .detach
        case "c", "C": return .cancel
        default: return .follow
        }
    }

    package static func question(_ job: JobReference) -> String {
        "Job \(job): [d]etach, [c]ancel, or follow on (Enter)? Ctrl-C again detaches: "
    }
}
