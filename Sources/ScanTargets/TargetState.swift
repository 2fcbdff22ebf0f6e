/// What is known of a target. Only the first three are found by probes.
package enum TargetState: String, Codable, Sendable, CaseIterable {
    /// A SYN-ACK came back.
    case open
    /// A RST came back.
    case closed
    /// An ICMP error of the filtering kinds came back, or nothing at all after the last attempt.
    case filtered
    /// The address does not resolve on its link.
    case down
    /// Never asked: excluded while the job ran, or out of time.
    case untested
}
