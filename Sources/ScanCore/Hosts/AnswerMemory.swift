import ScanTargets

/// How targets answered lately, to tell a contradiction when they answer again: in fixed memory, newer answers over older ones.
///
/// Guarded by the books' lock.
package struct AnswerMemory: Sendable {
    private static let slots = 1 << 15

    /// Packed into eight bytes; zero when nothing is noted. Positions are below 2^50, far above the most targets that a scan comes to.
    private struct Entry {
        private var bits: UInt64 = 0

        init() {}

        init(position: UInt64, _ reason: Reason, ttl: UInt8) {
            bits = (position &+ 1) &<< 14 | UInt64(reason.rawValue & 31) &<< 9 | UInt64(ttl)
        }

        var position: UInt64 { bits &>> 14 &- 1 }
        var reason: Reason? { Reason(rawValue: UInt8(truncatingIfNeeded: bits &>> 9) & 31) }
        var ttl: UInt8 { UInt8(truncatingIfNeeded: bits) }
        /// Whether a contradiction of this target has been told.
        var isTold: Bool {
            get { bits & 256 != 0 }
            set { bits = newValue ? bits | 256 : bits & ~256 }
        }
    }

    /// So many contradictions a run tells of: a host that makes them up must not fill disk and memory.
    private static let mostTold = 65_536

    private var entries = [Entry](repeating: Entry(), count: slots)
    private var told = 0

    package init() {}

    /// The first answer of the target at `position`: a SYN-ACK, or an ICMP error about it.
    package mutating func note(_ position: UInt64, _ reason: Reason, ttl: UInt8) {
        entries[Self.slot(position)] = Entry(position: position, reason, ttl: ttl)
    }

    /// The ICMP error that came first for this target; nil when none did, or when that has been forgotten.
    package func error(at position: UInt64) -> Observation.Conflict? {
        let entry = entries[Self.slot(position)]
        guard entry.position == position, let reason = entry.reason, reason.state == .filtered else { return nil }
        return Observation.Conflict(reason: reason, ttl: entry.ttl)
    }

    /// Whether another SYN-ACK of this target has another time to live than its first; false when that has been forgotten.
    package func contradicts(_ position: UInt64, ttl: UInt8) -> Bool {
        let entry = entries[Self.slot(position)]
        return entry.position == position && entry.reason == .synAck && entry.ttl != ttl
    }

    /// Notes that a contradiction is being told; false when one of this target has been lately, or too many have been.
    package mutating func tell(_ position: UInt64, ttl: UInt8) -> Bool {
        let slot = Self.slot(position)
        if entries[slot].position != position { entries[slot] = Entry(position: position, .reset, ttl: ttl) }
        guard !entries[slot].isTold, told < Self.mostTold else { return false }
        entries[slot].isTold = true
        told += 1
        return true
    }

    private static func slot(_ position: UInt64) -> Int {
        Int(truncatingIfNeeded: (position &* 0x9E37_79B9_7F4A_7C15) >> 49)
    }
}
