package import PacketIO
import ScanAPI
import ScanCore
package import ScanTargets

/// What the administrator decides, from the daemon's TOML file; absent keys have the values below.
package struct Configuration: Sendable, Equatable {
    package var control = Control()
    package var store = Store()
    package var results = Results()
    package var scope = Scope.standard
    package var limits = Limits()
    package var scan = Scan()

    package init() {}

    /// `[control]`
    package struct Control: Sendable, Equatable {
        /// An absolute path of at most 103 bytes.
        package var socket = ControlSocket.defaultPath
        /// The group whose members may use the socket.
        package var group = "synscan"
        /// One line for each request, whether it was done or refused.
        package var auditLog = "/var/log/synscan/audit.jsonl"
        package var roles = RoleTable()
    }

    /// `[store]`
    package struct Store: Sendable, Equatable {
        package var directory = "/var/lib/synscan"
        /// Jobs that ended longer ago are deleted.
        package var keepDays = 90
        /// Bytes; the oldest finished jobs are deleted when the database grows beyond.
        package var maxSize: Int64 = 8 << 30
    }

    /// `[results]`
    package struct Results: Sendable, Equatable {
        package var log = "/var/log/synscan/results.jsonl"
        /// The states whose targets are recorded where a job does not say otherwise.
        package var states: Set<TargetState> = [.open]
        /// Bytes; with less left for log, store or audit log, jobs wait.
        package var minFree: Int64 = 32 << 20
    }

    /// `[limits]`
    package struct Limits: Sendable, Equatable {
        /// Probes a second.
        package var maxRate = 10_000
        /// Probes a second of one job to one address, and to one /24.
        package var maxRatePerHost = 1000
        package var maxRatePerNetwork = 5000
        /// So many open ports on one host, and it is tried out whether it answers everything.
        package var openPortsThreshold = 256
        package var maxRunningJobs = 4
        package var maxJobTargets: Int64 = 4_294_967_296
        package var maxRequestBytes = 64 << 20
        /// Of one user, admins apart: jobs that are not over and do not run, jobs that run, and streams of events.
        package var perUserQueued = 20
        package var perUserRunning = 2
        package var perUserFollowers = 8
        /// Seconds; after a longer interruption jobs come back paused.
        package var resumeWithin = 12 * 3600
        /// Seconds; when nothing has answered for so long, a job ends.
        package var giveUp = 600
    }

    /// `[scan]`
    package struct Scan: Sendable, Equatable {
        package var sourcePorts: ClosedRange<UInt16> = 61000...65535
        /// Nil: the kernel's choice for each destination.
        package var sourceAddress: IPAddress?
        /// Nil: the kernel's choice for each destination.
        package var interface: String?
        /// The way onto the wire that is tried first; nil: the fastest.
        package var link: LinkKind?
        /// What stands in the file for that.
        static let anyLink = "auto"
        /// How many threads of a job may send at the same time.
        package var sendThreads = 2
    }
}
