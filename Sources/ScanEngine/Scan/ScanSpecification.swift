package import ScanTargets

/// What a run does; frozen with its job.
package struct ScanSpecification: Sendable {
    package static let retriesRange = 0...8

    package var selection: TargetSelection
    package var key: ScanKey
    /// Probes a second, at least 1.
    package var rate: Int
    /// How many more times a silent target is probed, within `retriesRange`.
    package var retries: Int
    package var tcpOptions: TCPOptions
    /// The states whose targets reach the sink.
    package var recorded: Set<TargetState>

    package init(
        selection: TargetSelection, key: ScanKey, rate: Int, retries: Int, tcpOptions: TCPOptions, recorded: Set<TargetState>
    ) {
        self.selection = selection
        self.key = key
        self.rate = max(1, rate)
        self.retries = min(max(retries, Self.retriesRange.lowerBound), Self.retriesRange.upperBound)
        self.tcpOptions = tcpOptions
        self.recorded = recorded
    }
}
