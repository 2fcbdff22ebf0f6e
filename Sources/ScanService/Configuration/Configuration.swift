import ScanAPI
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
    }

    /// `[store]`
    package struct Store: Sendable, Equatable {
        package var directory = "/var/lib/synscan"
    }

    /// `[results]`
    package struct Results: Sendable, Equatable {
        package var log = "/var/log/synscan/results.jsonl"
        /// The states whose targets are recorded where a job does not say otherwise.
        package var states: Set<TargetState> = [.open]
    }

    /// `[limits]`
    package struct Limits: Sendable, Equatable {
        /// Probes a second.
        package var maxRate = 10_000
        package var maxRunningJobs = 4
        package var maxJobTargets: Int64 = 4_294_967_296
        package var maxRequestBytes = 64 << 20
    }

    /// `[scan]`
    package struct Scan: Sendable, Equatable {
        package var sourcePorts: ClosedRange<UInt16> = 61000...65535
        /// Nil: the kernel's choice for each destination.
        package var sourceAddress: IPAddress?
        /// Nil: the kernel's choice for each destination.
        package var interface: String?
    }
}
