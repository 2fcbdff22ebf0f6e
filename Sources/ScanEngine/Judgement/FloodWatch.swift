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

    package enum Choice {
        case probe
        /// The host answers everything: its target is left out.
        case leaveOut
    }

    package static let sample = 64
    /// With fewer than that all of the host's ports are the sample.
    package static let leastSample = 16
    /// Of those that can answer, given what the path loses.
    private static let share = 0.9

    package private(set) var suspects: [IPAddress: Suspect] = [:]
    private(set) var flooded: Set<IPAddress>

    package init(flooded: [IPAddress]) { self.flooded = Set(flooded) }

    /// Whether no host is of interest, so that nothing has to be looked up.
    package var isIdle: Bool { suspects.isEmpty && flooded.isEmpty }

    package mutating func suspect(_ address: IPAddress) {
        guard !flooded.contains(address), suspects[address] == nil else { return }
        suspects[address] = Suspect()
    }

    /// The next probe of the first pass would go to the target at `position`.
    package mutating func choose(_ address: IPAddress, _ position: UInt64, now: Int64) -> Choice {
        if flooded.contains(address) { return .leaveOut }
        if let count = suspects[address]?.positions.count, count < Self.sample {
            suspects[address]?.positions.append(position)
            suspects[address]?.lastSent = now
        }
        return .probe
    }

    /// Those whose sample is whole and has had `patience` ns to be answered.
    package func due(_ now: Int64, patience: Int64) -> [IPAddress] {
        suspects.filter { $0.value.positions.count == Self.sample && $0.value.lastSent + patience < now }.map(\.key)
    }

    /// Ends the suspicion: `open` of `sampled` targets are open, and the path answers `answering` of all probes to what is there.
    package mutating func judge(_ address: IPAddress, open: Int, sampled: Int, answering: Double) -> Bool {
        suspects[address] = nil
        let isFlooded = sampled > 0 && Double(open) >= Self.share * answering * Double(sampled)
        if isFlooded { flooded.insert(address) }
        return isFlooded
    }
}
