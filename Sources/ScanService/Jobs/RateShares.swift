package import ScanAPI

/// Divides the daemon's rate between the jobs that run.
package enum RateShares {
    package struct Claim: Sendable {
        package let weight: Double
        /// Probes a second; what a job does not want goes to the others.
        package let most: Double

        package init(weight: Double, most: Double) {
            self.weight = weight
            self.most = most
        }
    }

    /// Each claim's share of `total`: in proportion to the weights, never more than was claimed, and nothing is left over that somebody could use
    /// (weighted max-min fairness; Bertsekas & Gallager, "Data Networks", §6.5.2). The sum is at most `total`.
    package static func divide(_ total: Double, among claims: [Claim]) -> [Double] {
        var shares = [Double](repeating: 0, count: claims.count)
        var left = total
        var weight = claims.reduce(0) { $0 + $1.weight }
        // Those that want least for their weight are served first; what they leave raises the share of the rest.
        for index in claims.indices.sorted(by: { claims[$0].most / claims[$0].weight < claims[$1].most / claims[$1].weight }) {
            let claim = claims[index]
            shares[index] = min(claim.most, left * claim.weight / weight)
            left -= shares[index]
            weight -= claim.weight
        }
        return shares
    }
}

extension JobPriority {
    /// A job's weight when the rate is divided: a high one beside a normal one gets four fifths.
    package var weight: Double {
        switch self {
        case .low: 1
        case .normal: 4
        case .high: 16
        }
    }
}
