package import ScanAPI

/// Something that happened to a job, as a line of the results log.
package struct JobLine: Sendable, Equatable {
    package enum Event: String, Sendable, CaseIterable {
        case queued = "job.queued"
        case started = "job.started"
        case paused = "job.paused"
        case resumed = "job.resumed"
        case waiting = "job.waiting"
        case finished = "job.finished"
        case cancelled = "job.cancelled"
        case failed = "job.failed"
        case refused = "job.refused"
        /// A damaged store was put aside: of no job.
        case storeReplaced = "store.replaced"
    }

    package var event: Event
    package var time: Timestamp
    /// Nil for a job that was refused: it never got an id.
    package var job: Int64?
    package var name: String?
    package var reason: String?
    /// The names that did not resolve, shortened; in the first line and those that end it.
    package var unresolved: [String] = []
    /// The job's books, in the lines that end it.
    package var account: Account?

    /// The line that begins or ends a job.
    package init(_ event: Event, time: Timestamp, of record: JobRecord, account: Account? = nil) {
        self.init(event, time: time, job: record.id, name: record.name, reason: record.reason, account: account)
        unresolved = record.unresolved
    }

    package init(_ event: Event, time: Timestamp, job: Int64?, name: String?, reason: String? = nil, account: Account? = nil) {
        self.event = event
        self.time = time
        self.job = job
        self.name = name
        self.reason = reason
        self.account = account
    }
}
