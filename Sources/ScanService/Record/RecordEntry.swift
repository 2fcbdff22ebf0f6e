package import GRDB
import PacketIO
import ScanCore

/// What the recorder is given to make durable, in this order and no other.
enum RecordEntry: Sendable {
    case findings(JobSink, [Observation])
    case hosts(JobSink, [HostObservation])
    /// Positions that a run has settled as untested.
    case untested(JobSink, PositionSet)
    case change(RecordChange)
    /// Where a run stands, behind everything that it has delivered before.
    case checkpoint(JobSink, ScanCheckpoint)
    /// Go on in a new file if the log has been renamed; the closure is told on the recorder's thread.
    case reopen(@Sendable (Result<Void, any Error>) -> Void)

    /// How many findings or hosts it brings.
    var findingCount: Int {
        switch self {
        case .findings(_, let batch): batch.count
        case .hosts(_, let batch): batch.count
        // As much memory as so many findings.
        case .untested(_, let set): 1 + set.bytes.count / 100
        case .change, .checkpoint, .reopen: 0
        }
    }

    /// Whether somebody waits for it.
    var isChange: Bool {
        switch self {
        case .change, .reopen: true
        case .findings, .hosts, .untested, .checkpoint: false
        }
    }

    /// Whether somebody waits for it who is answered at once when the store cannot be written.
    var isImpatient: Bool {
        switch self {
        case .change(let change): !change.isKept
        case .reopen: true
        case .findings, .hosts, .untested, .checkpoint: false
        }
    }

    /// Tells those who wait that it was not done.
    func fail(_ error: any Error) {
        switch self {
        case .change(let change): change.done(.failure(error))
        case .reopen(let done): done(.failure(error))
        case .findings, .hosts, .untested, .checkpoint: break
        }
    }
}

/// A change of the store together with the lines that tell of it: both happen, or neither.
package struct RecordChange: Sendable {
    /// Runs inside the transaction, again if that has to be repeated; returns the lines for the log.
    package let apply: @Sendable (Database) throws -> [JobLine]
    /// Whether the change is kept and tried again when the store cannot be written; if not, `done` is told.
    package let isKept: Bool
    /// Called once on the recorder's thread, when the change is durable and its lines have been appended, or when it failed. Must not block.
    package let done: @Sendable (Result<Void, any Error>) -> Void

    package init(
        isKept: Bool, apply: @escaping @Sendable (Database) throws -> [JobLine], done: @escaping @Sendable (Result<Void, any Error>) -> Void
    ) {
        self.apply = apply
        self.isKept = isKept
        self.done = done
    }
}
