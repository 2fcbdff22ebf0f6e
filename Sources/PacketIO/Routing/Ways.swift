import ScanCore
package import ScanTargets

/// The ways to a job's addresses, and the parts to which none leads.
package struct Ways: Sendable {
    package let paths: [ScanPath]
    package let unreached: [Unreached]
    package let question: RouteQuestion
    /// What the kernel said, to see whether it says something else later.
    package let map: Map
    /// The gateways that did not answer.
    package let silent: [KernelNeighbors.Question]

    /// Each address stands with one answer; broadcast addresses have none.
    package typealias Map = [Key: AddressSet]

    package enum Key: Hashable {
        case way(Route, NetworkInterface)
        case nothing(Unreached.Cause)
    }

    /// Throws when there is no way at all, or when something is left out and `isStrict`: what, and why, all of it.
    package func check(isStrict: Bool = false) throws(EngineError) {
        guard !unreached.isEmpty, isStrict || paths.isEmpty else { return }
        let isAll = paths.isEmpty
        let sentences = sentences.joined(separator: "; ")
        let ranges = AddressSet(joining: unreached.lazy.filter { $0.ports == nil }.map(\.addresses)).ranges
        let advice =
            isAll || ranges.isEmpty ? "" : " To leave them out: --exclude \(ranges.prefix(32).map(\.description).joined(separator: ","))"
        throw EngineError(
            .unroutable, "\(isAll ? "No target" : "A part of the targets") can\(isAll ? "" : "not") be probed. \(sentences).\(advice)")
    }

    /// What is left out and why, a sentence each.
    package var sentences: [String] {
        let shown = unreached.prefix(Self.mostSentences).map(\.sentence)
        return unreached.count > Self.mostSentences ? shown + ["and \(unreached.count - Self.mostSentences) more"] : shown
    }

    package static let mostSentences = 16

    /// An address that another answer holds for in `other`; nil when there is none.
    package func difference(to other: Map) -> AddressRange? {
        guard map != other else { return nil }
        for (key, addresses) in map where other[key] != addresses {
            return addresses.subtracting(other[key] ?? AddressSet()).ranges.first ?? addresses.ranges.first
        }
        return other.first { map[$0.key] == nil }?.value.ranges.first
    }
}
