package import ScanTargets
import Synchronization

/// Looks in a thread of its own whether the ways to a job's targets have changed, while sending goes on: a full routing table takes the better part
/// of a second to read. One thread at a time calls it.
package final class RouteLook {
    package enum Result: Sendable {
        case same
        /// These go another way now.
        case changed(AddressRange)
        case failed(EngineError)
    }

    private let ways: Ways
    private let outcome = Desk()
    private var begun: Int64 = 0

    /// Where the thread puts its result.
    private final class Desk: Sendable {
        let result = Mutex<Result?>(nil)
    }

    /// Whether a look is under way, or its result has not been taken.
    package private(set) var isBusy = false
    /// Whether that one waits for gateways that did not answer.
    package private(set) var asksSilent = false

    package init(_ ways: Ways) {
        self.ways = ways
    }

    /// Whether a gateway did not answer, so that it is worth asking again.
    package var hasSilentGateways: Bool { !ways.silent.isEmpty }

    /// Begins to look; with `asksSilent` also whether a gateway answers that did not.
    package func begin(asksSilent: Bool) throws(EngineError) {
        guard !isBusy else { return }
        let (ways, desk) = (ways, outcome)
        begun = SteadyClock.nanoseconds()
        try WorkerThread("scan-routes") {
            let result: Result
            do throws(EngineError) {
                result = try RoutePlanner.change(of: ways, asksSilent: asksSilent).map { .changed($0) } ?? .same
            } catch {
                result = .failed(error)
            }
            desk.result.withLock { $0 = result }
        }.detach()
        (isBusy, self.asksSilent) = (true, asksSilent)
    }

    /// What has come out, once, and how long it took, ns; nil when nothing has yet.
    package func take() -> (result: Result, effort: Int64)? {
        guard isBusy,
            let result = outcome.result.withLock({ result in
                defer { result = nil }
                return result
            })
        else { return nil }
        isBusy = false
        return (result, SteadyClock.nanoseconds() - begun)
    }
}
