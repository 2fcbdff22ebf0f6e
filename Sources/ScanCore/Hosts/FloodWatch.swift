package import ScanTargets

/// Hosts with suspiciously many open ports: do they answer everything?
///
/// The order is random, so the next probes to such a host are a random sample of the job's own ports; when nearly all of them are open, and not
/// only the few hundred that were found before, nothing more is learnt from the rest, and it is left out. The transmit thread only.
package struct FloodWatch {
    /// The sample of a host under suspicion.
    package struct Suspect {
        package var positions: [UInt64] = []
        /// When its last probe was made; ns on the steady clock.
        package var lastSent: Int64 = 0
    }

    package static let sample = 64
    /// With fewer than that all of the host's ports are the sample.
    package static let leastSample = 16
    /// Of those that can answer, given what the path loses.
    private static let share = 0.9
    /// On a path that loses more than that nobody is said to answer everything.
    private static let leastAnswering = 0.5

    package private(set) var suspects: [IPAddress: Suspect] = [:]
    private var flooded: Set<IPAddress>
    /// Those whose sample is whole, in the order in which that came about.
    private var waiting: [IPAddress] = []

    package init(flooded: [IPAddress]) { self.flooded = Set(flooded) }

    /// Whether no host is of interest, so that nothing has to be looked up.
    package var isIdle: Bool { suspects.isEmpty && flooded.isEmpty }

    /// Whether the host's targets are left out.
    package func isFlooded(_ address: IPAddress) -> Bool { flooded.contains(address) }

    package mutating func suspect(_ address: IPAddress) {
        guard !flooded.contains(address), suspects[address] == nil else { return }
        suspects[address] = Suspect()
    }

    /// A probe of the first pass goes to the target at `position`, at `now` (ns).
    package mutating func note(_ address: IPAddress, _ position: UInt64, now: Int64) {
        guard let sample = suspects[address]?.positions, sample.count < Self.sample, !sample.contains(position) else { return }
        suspects[address]?.positions.append(position)
        suspects[address]?.lastSent = now
        if sample.count + 1 == Self.sample { waiting.append(address) }
    }

    /// Takes out those whose sample is whole and was sent before `time` (ns).
    package mutating func takeDue(sentBefore time: Int64) -> [IPAddress] {
        let end = waiting.firstIndex { (suspects[$0]?.lastSent ?? 0) >= time } ?? waiting.count
        defer { waiting.removeFirst(end) }
        return Array(waiting[..<end])
    }

    /// Ends the suspicion: `open` of `sampled` targets are open, and the path answers `answering` of all probes to what is there.
    package mutating func judge(_ address: IPAddress, open: Int, sampled: Int, answering: Double) -> Bool {
        suspects[address] = nil
        let isFlooded = sampled > 0 && Double(open) >= Self.share * max(answering, Self.leastAnswering) * Double(sampled)
        if isFlooded { flooded.insert(address) }
        return isFlooded
    }
}
