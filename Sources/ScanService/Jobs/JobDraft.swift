package import PacketIO
package import ScanAPI
import ScanCore
package import ScanTargets

/// A request that has been read and checked: everything that a job of it would be.
package struct JobDraft: Sendable {
    package var name: String?
    /// The target expressions, shortened to the first 16.
    package var targets: [String]
    package var selection: TargetSelection
    /// The rate, or the most that it may be where it is found.
    package var rate: Int
    package var isRateFound: Bool
    package var retries: Int
    /// Nil: nothing is estimated.
    package var recall: Double?
    package var tcpOptions: TCPOptions
    package var states: Set<TargetState>
    package var reportsAll: Bool
    package var reportsHosts: Bool
    /// Whether one target that cannot be scanned refuses the whole job.
    package var isStrict: Bool
    package var narrowing: Narrowing
    package var priority: JobPriority
    package var deadline: Timestamp?
    /// How many ports, and where they come from, in words.
    package var portsSource: String
    /// Names with the addresses they resolved to, sorted.
    package var names: [Plan.ResolvedName]
    /// Names that did not resolve, sorted.
    package var unresolved: [Plan.UnresolvedName]
    /// What each exclusion left out.
    package var exclusions: [Exclusion] = []

    package static let shownTargets = 16
    /// So many of the names that did not resolve are kept with the job, of however many.
    package static let shownNames = 100
    package static let defaultRetries = 8

    /// A new job's record; its key is made now and stays.
    package func record(_ submitter: Submitter, at time: Timestamp) -> JobRecord {
        var account = Account()
        account.targets = Int64(clamping: selection.targetCount)
        account.rate = Int64(rate)
        account.unresolvedNames = unresolved.isEmpty ? nil : Int64(unresolved.count)
        account.exclusions = exclusions.isEmpty ? nil : exclusions
        var record = JobRecord(
            name: name, targets: targets, key: .random(), rate: rate, retries: retries, tcpOptions: tcpOptions, states: states,
            submitter: submitter, submitted: time, account: account)
        record.isRateFound = isRateFound
        record.recall = recall
        record.reportsAll = reportsAll
        record.reportsHosts = reportsHosts
        record.isStrict = isStrict
        record.unresolved = unresolved.prefix(Self.shownNames).map(\.name)
        record.narrowing = narrowing
        record.priority = priority
        record.deadline = deadline
        return record
    }
}
