import PacketIO
import ScanAPI
import ScanCore
import ScanTargets

extension Refusal {
    /// The one place where the errors of the parts below become refusals.
    package init(of error: any Error) {
        self =
            switch error {
            case let error as Refusal: error
            case let error as ExpressionError: Refusal(.usage, "\(error).")
            case let error as EngineError: Refusal(Self.kind(of: error), error.message)
            case let error as ServiceError: Refusal(.internal, "synscand has a problem: \(error).")
            case is CancellationError: Refusal(.unavailable, "synscand is stopping: try again when it is back.")
            default: Refusal(.internal, "synscand has a problem: \(error).")
            }
    }

    private static func kind(of error: EngineError) -> Kind {
        switch error.kind {
        case .unroutable: .unroutable
        case .noPrivilege, .portsTaken: .unavailable
        case .device, .silence, .internalFault: .internal
        }
    }
}
