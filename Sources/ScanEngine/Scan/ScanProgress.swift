/// How far a run has come.
package struct ScanProgress: Sendable, Equatable {
    package var round: Int
    /// Share of the expected probes that have been sent, 0...1.
    package var fraction: Double
    /// Probes a second over the last moments.
    package var rate: Double
    /// Seconds to go, nil while unknown.
    package var eta: Double?
}
