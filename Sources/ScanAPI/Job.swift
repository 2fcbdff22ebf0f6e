/// Where a job stands in its life: `queued → running ⇄ paused | waiting → finished | cancelled | failed`.
package enum JobState: String, Codable, Sendable, CaseIterable {
    case queued, running, paused, waiting, finished, cancelled, failed

    /// Nothing more happens to a job in such a state.
    package var isFinal: Bool {
        switch self {
        case .finished, .cancelled, .failed: true
        case .queued, .running, .paused, .waiting: false
        }
    }
}

/// Which of the waiting jobs goes first, and how running ones share the daemon's rate.
package enum JobPriority: String, Codable, Sendable, CaseIterable {
    case low, normal, high
}

/// Who submitted a job, as the kernel told it (`SO_PEERCRED`, `SO_PEERGROUPS`; unix(7)).
package struct Submitter: Codable, Sendable, Equatable {
    package var uid: UInt32
    package var pid: Int32
    package var groups: [UInt32]

    package init(uid: UInt32, pid: Int32, groups: [UInt32]) {
        self.uid = uid
        self.pid = pid
        self.groups = groups
    }
}

/// What a job did and found, so far or in the end: `targets = open + closed + filtered + down + untested` once it has finished.
package struct Account: Codable, Sendable, Equatable {
    package var targets: Int64 = 0
    package var probesSent: Int64 = 0
    /// Verified packets that answered a probe, repeats included.
    package var replies: Int64 = 0
    package var open: Int64 = 0
    package var closed: Int64 = 0
    package var filtered: Int64 = 0
    package var down: Int64 = 0
    package var untested: Int64 = 0
    /// Replies of targets that had answered already.
    package var duplicates: Int64 = 0
    /// Captured packets that answered no probe of ours.
    package var rejectedReplies: Int64 = 0
    /// Probes that the kernel refused; they were sent again.
    package var sendErrors: Int64 = 0
    /// Frames that the interface dropped after it had taken them.
    package var linkDrops: Int64 = 0
    /// Packets that the capture buffer had no room for.
    package var captureDrops: Int64 = 0
    /// The share of probes to targets known to answer that were not answered: lost there or back.
    package var loss: Double?
    /// The share of the open ports that was found, an estimate, and the interval that holds the truth in 95 of 100 cases; absent where nothing
    /// answered, or nothing was estimated.
    package var estimatedRecall: Double?
    package var recallLow: Double?
    package var recallHigh: Double?
    /// The share that was asked for, and whether it was reached with a probability of 0.99.
    package var recallGoal: Double?
    package var goalReached: Bool?
    /// Why some are, a sentence each with the addresses: no way leads there, or the kernel refused their probes; absent where none is for that.
    package var untestedReasons: [String]?
    /// Hosts that answer everything: most of their ports are `untested`.
    package var hostsAnsweringEverything: Int64?
    /// Recorded targets of which a later answer contradicts the first; counted at the job's end.
    package var contradictions: Int64?
    /// Names that did not resolve when the job was submitted: nothing of them is among its targets.
    package var unresolvedNames: Int64?
    /// What the exclusions left out; absent where there were none.
    package var exclusions: [Exclusion]?
    /// Passes over the targets that were still silent.
    package var rounds: Int64 = 0
    /// Time spent running.
    package var seconds: Double = 0
    /// The rate it was allowed, probes a second.
    package var rate: Int64 = 0
    /// The rate that was found last, where none was given; unverified as long as nothing has answered by which it could be judged.
    package var foundRate: Int64?
    package var rateVerified: Bool?
    /// The ways onto the wire, in the configuration's words, joined by commas.
    package var link: String = ""
    /// Why these, in words.
    package var linkReason: String?

    package init() {}
}

/// How far a running job has come.
package struct Progress: Codable, Sendable, Equatable {
    /// The current pass, 0 for the first.
    package var round: Int
    /// Share of the job's targets that need no more probes, 0...1.
    package var fraction: Double
    /// Probes a second, measured over the last moments.
    package var rate: Double
    /// Probes a second that it may send at present: its own rate, or its share of the daemon's.
    package var share: Double?
    /// Seconds to go at this rate, absent while unknown.
    package var eta: Double?

    package init(round: Int, fraction: Double, rate: Double, eta: Double?) {
        self.round = round
        self.fraction = fraction
        self.rate = rate
        self.eta = eta
    }
}

/// What can be changed of a job that is not over, the body of `PATCH /v1/jobs/{id}`; absent: stays as it is.
package struct JobChange: Codable, Sendable, Equatable {
    /// Probes a second, 1...`max_rate`.
    package var rate: Int?
    package var priority: JobPriority?

    package init(rate: Int? = nil, priority: JobPriority? = nil) {
        self.rate = rate
        self.priority = priority
    }
}

/// A job as `GET /v1/jobs/{id}` shows it, and each line of `GET /v1/jobs/{id}/events`.
package struct Job: Codable, Sendable, Equatable {
    package var id: Int64
    package var name: String?
    package var state: JobState
    /// Why it is in this state, in words; always there for `failed` and `waiting`.
    package var reason: String?
    package var priority: JobPriority
    /// When it ends, finished or not; what has not been probed by then is `untested`.
    package var deadline: Timestamp?
    package var submittedBy: Submitter
    package var submitted: Timestamp
    package var started: Timestamp?
    package var finished: Timestamp?
    /// The target expressions as submitted, shortened to the first 16.
    package var targets: [String]
    /// The names that did not resolve, the first 100 of `account.unresolvedNames`; absent where all did.
    package var unresolved: [String]?
    /// The job whose untested targets this one scans; absent: it scans all of `targets`.
    package var retryOf: Int64?
    package var account: Account
    /// Only while it runs.
    package var progress: Progress?

    package init(
        id: Int64, name: String?, state: JobState, priority: JobPriority, submittedBy: Submitter, submitted: Timestamp, targets: [String],
        account: Account
    ) {
        self.id = id
        self.name = name
        self.state = state
        self.priority = priority
        self.submittedBy = submittedBy
        self.submitted = submitted
        self.targets = targets
        self.account = account
    }
}
