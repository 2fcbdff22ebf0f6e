/// What a job would do, told before a packet leaves: the answer of `POST /v1/plans`.
package struct Plan: Codable, Sendable, Equatable {
    package var targets: Int64
    package var addresses: Int64
    package var ports: Int
    /// Where the ports come from, in words: the request, or which ranking.
    package var portsSource: String
    package var rate: Int
    /// Whether the rate is found, and `rate` the most that it may be.
    package var rateFound: Bool?
    /// Probes if every target answers the first one, and if none ever answers.
    package var probesAtLeast: Int64
    package var probesAtMost: Int64
    package var secondsAtLeast: Double
    package var secondsAtMost: Double
    package var paths: [Path]
    /// `allowed`, or the sentence that refuses it.
    package var scope: String
    /// Names that were resolved, with what they resolved to.
    package var names: [ResolvedName]
    /// Names that did not resolve, all of them: the rest would be scanned. Absent where there are none.
    package var unresolved: [UnresolvedName]?
    /// What the exclusions leave out; absent where there are none.
    package var exclusions: [Exclusion]?
    /// What would not be probed because no way leads there, and why, a sentence each: the rest would be. Absent where there is a way to all.
    package var unreachable: [String]?

    /// What the machine's own firewall should know of these probes, a line each; absent when there is nothing to say.
    package var advice: [String]?

    /// One way that packets take.
    package struct Path: Codable, Sendable, Equatable {
        /// The part of the job's addresses that goes this way, as ranges; at most 16, then `…`.
        package var destinations: [String]
        package var interface: String
        package var source: String
        /// Absent where the targets are on the link itself.
        package var nextHop: String?
        package var hardwareAddress: String?
        /// In the configuration's words: `xdp`, `ring`, `packet` or `raw-ip`.
        package var link: String
        /// Why this link, in words.
        package var linkReason: String

        package init(destinations: [String], interface: String, source: String, link: String, linkReason: String) {
            self.destinations = destinations
            self.interface = interface
            self.source = source
            self.link = link
            self.linkReason = linkReason
        }
    }

    package struct ResolvedName: Codable, Sendable, Equatable {
        package var name: String
        package var addresses: [String]

        package init(name: String, addresses: [String]) {
            self.name = name
            self.addresses = addresses
        }
    }

    package struct UnresolvedName: Codable, Sendable, Equatable {
        package var name: String
        /// Why: `Name or service not known`.
        package var problem: String

        package init(name: String, problem: String) {
            self.name = name
            self.problem = problem
        }
    }

    package init(
        targets: Int64, addresses: Int64, ports: Int, portsSource: String, rate: Int, probesAtLeast: Int64, probesAtMost: Int64,
        secondsAtLeast: Double, secondsAtMost: Double, paths: [Path], scope: String, names: [ResolvedName]
    ) {
        self.targets = targets
        self.addresses = addresses
        self.ports = ports
        self.portsSource = portsSource
        self.rate = rate
        self.probesAtLeast = probesAtLeast
        self.probesAtMost = probesAtMost
        self.secondsAtLeast = secondsAtLeast
        self.secondsAtMost = secondsAtMost
        self.paths = paths
        self.scope = scope
        self.names = names
    }
}
