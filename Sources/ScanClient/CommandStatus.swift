package import ScanAPI
import ScanFiles
import ScanTargets

/// How `synscan` ends. An interrupted client that was not following a job dies of its signal, which shells show as 130.
package enum CommandStatus: Int32, Sendable, CaseIterable {
    /// Done, or detached from a job that goes on.
    case done = 0
    /// The job failed or was cancelled, or the daemon is at fault.
    case failed = 1
    /// The request cannot be understood or asks for what cannot be.
    case usage = 2
    /// Outside scope, not this user's to do, more than this user may have, or the socket is not for this user.
    case refused = 3
    /// The daemon cannot be reached, or does not answer.
    case unreachable = 4
    /// Finished, but below the recall that was asked for, or without some of the targets.
    case incomplete = 5

    /// How a job that is over ends the command that followed it.
    package init(of job: Job) {
        switch job.state {
        case .failed, .cancelled: self = .failed
        case .finished where job.account.goalReached == false || !(job.unresolved ?? []).isEmpty: self = .incomplete
        case .finished where JobTexts.untested(job.account) != nil: self = .incomplete
        case .queued, .running, .paused, .waiting, .finished: self = .done
        }
    }

    /// How the scan that was planned would end, as far as that can be told before.
    package init(of plan: Plan) {
        if plan.scope != PlanText.allowed {
            self = .refused
        } else {
            self = (plan.unresolved ?? []).isEmpty && plan.unreachable == nil ? .done : .incomplete
        }
    }

    /// Of this and another job's, the one that tells more: a failure before an incomplete scan before success.
    package func worse(_ other: CommandStatus) -> CommandStatus {
        other.weight > weight ? other : self
    }

    private var weight: Int {
        switch self {
        case .done: 0
        case .incomplete: 1
        case .failed, .usage, .refused, .unreachable: 2
        }
    }

    /// The one place where errors become exit codes.
    package init(for error: any Error) {
        switch error {
        case let refusal as Refusal: self.init(of: refusal.kind)
        case ClientError.usage: self = .usage
        case ClientError.forbidden: self = .refused
        case ClientError.unreachable, ClientError.unresponsive: self = .unreachable
        case is ExpressionError, is FileFault: self = .usage
        case is OutputFile.OutputClosed: self = .done
        default: self = .failed
        }
    }

    private init(of kind: Refusal.Kind) {
        switch kind {
        case .usage, .notFound, .conflict, .tooLarge: self = .usage
        case .refused, .limit: self = .refused
        case .unavailable: self = .unreachable
        case .unroutable, .internal: self = .failed
        }
    }
}
