import ScanAPI
import ScanClient

/// Values that several tests use.
enum Samples {
    static func job(_ state: JobState = .running, progress: Progress? = nil) -> Job {
        var account = Account()
        account.targets = 81_920
        account.probesSent = 81_920
        account.replies = 1_234
        account.open = 512
        account.closed = 722
        account.rounds = 1
        account.seconds = 4.31
        account.rate = 20_000
        account.link = "packet"
        var job = Job(
            id: 7, name: nil, state: state, priority: .normal, submittedBy: Submitter(uid: 4_000_000_001, pid: 5, groups: []),
            submitted: Timestamp(microseconds: 1_795_460_761_000_123), targets: ["10.0.0.0/24"], account: account)
        job.progress = progress
        return job
    }

    static func status() -> DaemonStatus {
        DaemonStatus(
            version: "0.1.0", pid: 12, started: Timestamp(microseconds: 1_795_460_761_000_123), jobs: ["running": 1, "queued": 2],
            maxRate: 10_000, scopeAllow: ["10.0.0.0/8"], scopeDeny: ["10.0.99.0/24"], resultsLog: "/var/log/synscan/results.jsonl",
            store: "/var/lib/synscan", configuration: "/etc/synscan/synscand.toml", portRanking: "nmap",
            auditLog: "/var/log/synscan/audit.jsonl", role: .operator)
    }

    static func json(_ value: some Encodable) throws -> String {
        String(decoding: try APICoding.encode(value), as: UTF8.self)
    }

    static let progress = Progress(round: 0, fraction: 0.456, rate: 19_980.2, eta: 3.2)

    static let plain = Style(Terminal(isInteractive: false, hasColour: false))
    static let coloured = Style(Terminal(isInteractive: true, hasColour: true))
}
