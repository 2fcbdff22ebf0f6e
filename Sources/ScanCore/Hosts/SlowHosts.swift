package import ScanTargets

/// Hosts and networks that lose much more than the others of the job: after the first pass they are asked by themselves, at the rate that they
/// bear, so that they hold up nobody else and nobody else hides them.
package struct SlowHosts: Sendable {
    private var hosts: Set<IPAddress> = []
    private var networks: Set<IPAddress> = []

    /// Canaries that a host must have got, and all others together.
    private static let least = 5
    private static let leastOthers = 20

    package init() {}

    package var isEmpty: Bool { hosts.isEmpty && networks.isEmpty }

    package func contains(_ address: IPAddress) -> Bool {
        hosts.contains(address) || !networks.isEmpty && networks.contains(Self.network(of: address))
    }

    /// Judges by the canaries of a round, host by host. A host or a network that answered significantly and clearly fewer than all others
    /// together is slow from now on.
    package mutating func judge(_ canaries: [IPAddress: ProbeCount]) {
        hosts.formUnion(Self.outliers(canaries))
        let byNetwork = Dictionary(canaries.map { (Self.network(of: $0), $1) }) { first, second in
            var sum = first
            sum += second
            return sum
        }
        networks.formUnion(Self.outliers(byNetwork))
    }

    private static func outliers(_ canaries: [IPAddress: ProbeCount]) -> [IPAddress] {
        let sum = canaries.values.reduce(into: ProbeCount()) { $0 += $1 }
        return canaries.filter { isOutlier($1, among: sum) }.map(\.key)
    }

    private static func isOutlier(_ count: ProbeCount, among sum: ProbeCount) -> Bool {
        let others = ProbeCount(sent: sum.sent - count.sent, answered: sum.answered - count.answered)
        guard count.sent >= least, others.sent >= leastOthers else { return false }
        let (n, share) = (Double(count.sent), Double(others.answered) / Double(others.sent))
        let deficit = n * share - Double(count.answered)
        return deficit > 0.3 * n * share && deficit > 3.1 * (n * share * (1 - share) + 1).squareRoot()
    }

    /// The /24, for IPv6 the /64.
    private static func network(of address: IPAddress) -> IPAddress {
        address.v4.map { IPAddress(v4: $0 & ~0xFF) } ?? IPAddress(v6: address.value & ~UInt128(UInt64.max))
    }
}
