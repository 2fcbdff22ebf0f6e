package import ScanTargets

/// Canaries of a round for which a router sent an ICMP error, though their targets have answered before: for a while its way was broken.
///
/// What such errors said of other targets in the meantime is worth no more than silence. The word of few hosts concerns these hosts alone: they
/// may have been switched off. Guarded by the books' lock.
package struct RefusedCanaries: Sendable {
    package private(set) var hosts: Set<IPAddress> = []
    private var count: UInt64 = 0
    private var places: ClosedRange<UInt64>?

    /// So many times the distance between two of them the fault may have begun before the first and ended behind the last.
    private static let margin: UInt64 = 10

    package init() {}

    package var isEmpty: Bool { count == 0 }

    /// Notes one for a target at this address that was sent when the round had come to `place`.
    package mutating func note(_ address: IPAddress, at place: UInt64) {
        count += 1
        places = places.map { min($0.lowerBound, place)...max($0.upperBound, place) } ?? place...place
        if hosts.count < Vigil.manyHosts { hosts.insert(address) }
    }

    /// The part of the order in which routers' errors are doubtful, whatever their target; nil where they concern `hosts` alone.
    package func doubtful(within positions: Range<UInt64>) -> Range<UInt64>? {
        guard let places, hosts.count >= Vigil.manyHosts else { return nil }
        let margin = Self.margin * ((places.upperBound - places.lowerBound) / (count - 1) + 1)
        let lower = places.lowerBound - min(margin, places.lowerBound)
        return (lower..<places.upperBound + margin + 1).clamped(to: positions)
    }
}
