import ScanAPI
import ScanFiles
import ScanTargets

/// The sentence for an error, fit for a terminal.
package enum ErrorText {
    package static func sentence(for error: any Error) -> String {
        switch error {
        case let error as ExpressionError: error.description
        case let error as ClientError: error.description
        case let fault as FileFault: Escaping.forTerminal(fault.description)
        case let refusal as Refusal: Escaping.forTerminal(refusal.message)
        case let failure as OutputFile.OutputFailed: failure.description
        default: Escaping.forTerminal(String(describing: error))
        }
    }
}
