package import PacketIO
package import ScanCore
package import ScanTargets

/// What a run does; frozen with its job.
package struct ScanSpecification: Sendable {
    package static let retriesRange = 0...8

    package var selection: TargetSelection
    package var key: ScanKey
    /// Probes a second, at least 1: the rate, or where it is found the most that it may be.
    package var rate: Int
    /// Whether the rate that the path carries is found, or `rate` holds whatever is lost.
    package var isRateFound = false
    package var caps = RateCaps.Limits(perHost: 1_000_000, perNetwork: 1_000_000)
    /// How many more times a silent target is probed at most, within `retriesRange`.
    package var retries: Int
    /// The share of the open targets that must be found with a probability of 0.99, above 0 and below 1. Nil: nothing is estimated, and each
    /// silent target is probed `retries` more times.
    package var recall: Double?
    package var tcpOptions: TCPOptions
    /// The way onto the wire that is tried first; nil: the fastest.
    package var link: LinkKind?
    /// So long a path that answers nothing any more is waited for, seconds; then the run gives up.
    package var giveUp = 600
    /// How many threads may send at the same time, 1 or 2.
    package var sendThreads = 2
    /// What narrows the ways to the selection's addresses.
    package var narrowing = Narrowing()
    /// The part of the selection that the run is about; nil: all of it.
    package var chosen: ChosenTargets?
    /// The states whose targets reach the sink.
    package var recorded: Set<TargetState>
    /// So many open ports on one host raise the suspicion that it answers everything; nil: whatever is open is probed and reported.
    package var openPortsThreshold: Int?
    /// Whether the sink is told of each host whether it is up; for at most `HostRoll.mostHosts` addresses.
    package var reportsHosts = false

    package init(
        selection: TargetSelection, key: ScanKey, rate: Int, retries: Int, tcpOptions: TCPOptions, recorded: Set<TargetState>,
        recall: Double? = nil, isRateFound: Bool = false, caps: RateCaps.Limits? = nil
    ) {
        self.selection = selection
        self.key = key
        self.rate = max(1, rate)
        self.retries = min(max(retries, Self.retriesRange.lowerBound), Self.retriesRange.upperBound)
        self.tcpOptions = tcpOptions
        self.recorded = recorded
        self.recall = recall
        self.isRateFound = isRateFound
        if let caps { self.caps = caps }
    }
}
