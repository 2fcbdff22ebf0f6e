import FoundationEssentials
package import GRDB
package import PacketIO
package import ScanAPI
package import ScanCore
import ScanEngine
package import ScanTargets

/// A job as the store keeps it: what its submitter asked for, frozen, and where it stands.
package struct JobRecord: Sendable, Equatable {
    /// 0 until it is stored.
    package var id: Int64 = 0
    package var name: String?
    package var state: JobState = .queued
    package var reason: String?
    package var priority: JobPriority = .normal
    package var deadline: Timestamp?
    /// How often the daemon died before the job's first checkpoint.
    package var deaths = 0
    /// The target expressions as submitted, shortened.
    package var targets: [String]
    /// The names that did not resolve, shortened.
    package var unresolved: [String] = []
    package var key: ScanKey
    /// The first of the job's source ports, once it has run.
    package var sourcePort: UInt16?
    /// The rate, or the most that it may be where it is found.
    package var rate: Int
    package var isRateFound = false
    package var retries: Int
    /// The share of open ports that is to be found; nil: nothing is estimated.
    package var recall: Double?
    package var tcpOptions: TCPOptions
    /// Whether hosts that answer everything are like all others, and whether each host is reported up or down.
    package var reportsAll = false
    package var reportsHosts = false
    /// Whether one target that cannot be scanned keeps all of them from being scanned.
    package var isStrict = false
    package var narrowing = Narrowing()
    /// The states that are recorded.
    package var states: Set<TargetState>
    /// The job whose untested targets it is about; nil: it is about all of its own.
    package var retryOf: Int64?
    /// The end that is stored when its untested targets have been recorded.
    package var ending: Ending?
    package var submitter: Submitter
    package var submitted: Timestamp
    package var started: Timestamp?
    package var finished: Timestamp?
    package var account: Account

    package init(
        name: String?, targets: [String], key: ScanKey, rate: Int, retries: Int, tcpOptions: TCPOptions, states: Set<TargetState>,
        submitter: Submitter, submitted: Timestamp, account: Account
    ) {
        self.name = name
        self.targets = targets
        self.key = key
        self.rate = rate
        self.retries = retries
        self.tcpOptions = tcpOptions
        self.states = states
        self.submitter = submitter
        self.submitted = submitted
        self.account = account
    }

    /// How a job ends.
    package struct Ending: Codable, Sendable, Equatable {
        package var state: JobState
        package var reason: String?
        package var finished: Timestamp
        /// Whether nothing has answered any more.
        package var hasGivenUp: Bool?

        package init(state: JobState, reason: String?, finished: Timestamp, hasGivenUp: Bool?) {
            self.state = state
            self.reason = reason
            self.finished = finished
            self.hasGivenUp = hasGivenUp
        }
    }

    /// A new job, by this submitter, over so many targets that this one has left untested: with the same options, and without a deadline.
    package func retry(of count: UInt64, by submitter: Submitter, at time: Timestamp) -> JobRecord {
        var new = self
        (new.id, new.retryOf) = (0, id)
        (new.state, new.reason, new.ending, new.deadline, new.sourcePort, new.deaths) = (.queued, nil, nil, nil, nil, 0)
        (new.submitter, new.submitted, new.started, new.finished) = (submitter, time, nil, nil)
        new.unresolved = []
        // Nobody is down of whom this job asks nothing.
        new.reportsHosts = false
        new.account = Account()
        new.account.targets = Int64(clamping: count)
        new.account.rate = Int64(rate)
        return new
    }

    /// Whether its runs have left targets of which nothing is known: it has ended, but not by having asked for all.
    package var leavesRest: Bool { state != .finished || reason != nil }

    /// As clients see it; `progress` is the runner's to add.
    package var job: Job {
        var job = Job(
            id: id, name: name, state: state, priority: priority, submittedBy: submitter, submitted: submitted, targets: targets,
            account: account)
        job.reason = reason
        job.retryOf = retryOf
        job.unresolved = unresolved.isEmpty ? nil : unresolved
        job.deadline = deadline
        job.started = started
        job.finished = finished
        return job
    }
}

extension JobRecord: FetchableRecord {
    /// Throws for a row that this version cannot have written.
    package init(row: Row) throws {
        guard let state = JobState(rawValue: row["state"]), let key = ScanKey(bytes: [UInt8](row["key"] as Data)),
            let options = TCPOptions(rawValue: row["tcp_options"]), let priority = JobPriority(rawValue: row["priority"])
        else { throw ServiceError("the store's row of job \(row["id"] as Int64) is damaged") }
        let rate: Int64 = row["rate"]
        let retries: Int64 = row["retries"]
        guard rate >= 1, ScanSpecification.retriesRange.contains(Int(clamping: retries)) else {
            throw ServiceError("the store's row of job \(row["id"] as Int64) is damaged")
        }
        let uid: Int64 = row["uid"]
        let pid: Int64 = row["pid"]
        self.init(
            name: row["name"], targets: try Self.decode(row["targets"]), key: key, rate: Int(rate), retries: Int(retries),
            tcpOptions: options, states: try Self.decode(row["states"]),
            submitter: Submitter(
                uid: UInt32(truncatingIfNeeded: uid), pid: Int32(truncatingIfNeeded: pid), groups: try Self.decode(row["groups"])),
            submitted: Timestamp(microseconds: row["submitted"]), account: try Self.decode(row["account"]))
        id = row["id"]
        self.state = state
        reason = row["reason"]
        self.priority = priority
        deadline = (row["deadline"] as Int64?).map { Timestamp(microseconds: $0) }
        deaths = row["deaths"]
        isRateFound = row["rate_found"]
        recall = row["recall"]
        reportsAll = row["report_all"]
        reportsHosts = row["report_hosts"]
        isStrict = row["strict"]
        retryOf = row["retry_of"]
        ending = try (row["ending"] as String?).map { try Self.decode($0) }
        unresolved = try (row["unresolved"] as String?).map { try Self.decode($0) } ?? []
        narrowing = Narrowing(
            interface: row["interface"], source: (row["source_address"] as String?).flatMap { IPAddress($0) }, zone: row["zone"])
        sourcePort = (row["source_port"] as Int64?).map { UInt16(truncatingIfNeeded: $0) }
        started = (row["started"] as Int64?).map { Timestamp(microseconds: $0) }
        finished = (row["finished"] as Int64?).map { Timestamp(microseconds: $0) }
    }

    static func decode<Value: Decodable>(_ text: String, as type: Value.Type = Value.self) throws -> Value {
        try APICoding.decode(Value.self, from: Data(text.utf8))
    }
}

extension JobRecord {
    /// Stores a new job with its selection and returns its id. Throws `Refusal` when a live job of the same user has the name.
    package mutating func insert(_ selection: TargetSelection, _ db: Database) throws {
        let encoded = selection.encoded
        do {
            try db.execute(
                sql: """
                    INSERT INTO jobs (name, state, reason, priority, deadline, targets, key, rate, retries, tcp_options, states, uid, pid, groups,
                        submitted, account, rate_found, recall, report_all, report_hosts, interface, source_address, zone, strict, unresolved,
                        selection_bytes, retry_of)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    name, state.rawValue, reason, priority.rawValue, deadline?.microseconds, try Self.encode(targets), Data(key.bytes),
                    rate, retries, tcpOptions.rawValue,
                    try Self.encode(states.sorted { $0.rawValue < $1.rawValue }), Int64(submitter.uid), Int64(submitter.pid),
                    try Self.encode(submitter.groups), submitted.microseconds, try Self.encode(account), isRateFound, recall, reportsAll,
                    reportsHosts, narrowing.interface, narrowing.source?.description, narrowing.zone, isStrict,
                    unresolved.isEmpty ? nil : try Self.encode(unresolved), encoded.utf8.count, retryOf,
                ])
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw Refusal(.conflict, "A job of yours called \(name ?? "") is not over yet: choose another name, or cancel that one.")
        }
        id = db.lastInsertedRowID
        try db.execute(sql: "INSERT INTO selections (job, encoded) VALUES (?, ?)", arguments: [id, encoded])
    }

    /// Throws `Refusal`, which undoes the insertion, when the user's jobs that are not over take more than `most` bytes: no such job can be deleted to make
    /// room for the others'.
    package func checkShare(of most: Int64, _ db: Database) throws {
        let taken = try Int64.fetchOne(
            db,
            sql: "SELECT ifnull(sum(selection_bytes), 0) FROM jobs WHERE state NOT IN ('finished', 'cancelled', 'failed') AND uid = ?",
            arguments: [Int64(submitter.uid)])
        guard let taken, taken > most else { return }
        throw Refusal(
            .limit,
            "The targets of user \(submitter.uid)'s jobs that are not over would take \(taken >> 20) MiB of the store, more than half of [store] max_size: "
                + "give blocks or ranges in place of single targets, or wait for one of these jobs.")
    }

    /// Stores what changes in a job's life.
    package func update(_ db: Database) throws {
        try db.execute(
            sql: """
                UPDATE jobs SET state = ?, reason = ?, priority = ?, rate = ?, deaths = ?, source_port = ?, started = ?, finished = ?, account = ?
                WHERE id = ?
                """,
            arguments: [
                state.rawValue, reason, priority.rawValue, rate, deaths, sourcePort.map { Int64($0) }, started?.microseconds,
                finished?.microseconds,
                try Self.encode(account), id,
            ])
        // What is left of the others is what their checkpoint does not know of.
        if state.isFinal, !leavesRest { try CheckpointTable.delete(of: id, db) }
        // Nothing was found in them, and nobody asks for them again.
        if state == .cancelled, started == nil { try dropSelection(db) }
    }

    private func dropSelection(_ db: Database) throws {
        try db.execute(sql: "DELETE FROM selections WHERE job = ?", arguments: [id])
        try db.execute(sql: "UPDATE jobs SET selection_bytes = 0 WHERE id = ?", arguments: [id])
    }

    /// Stores that the job ends so as soon as its untested targets are recorded.
    package func storeEnding(_ db: Database) throws {
        try db.execute(sql: "UPDATE jobs SET ending = ? WHERE id = ?", arguments: [try ending.map { try Self.encode($0) }, id])
    }

    private static func encode(_ value: some Encodable) throws -> String {
        String(decoding: try APICoding.encode(value), as: UTF8.self)
    }
}
