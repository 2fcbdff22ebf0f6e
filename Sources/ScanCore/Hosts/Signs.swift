import ScanTargets

/// What came from silent targets and carries no cookie: a RST without ACK, a SYN in return, a challenge.
///
/// Anybody can send these who guesses a target and our ports. So such a target stays silent and is asked like any other; only when it has said nothing
/// better to the end, and the same to two probes from different ports, is it closed or open, and marked as unverified. Guarded by the books' lock, in
/// bounded memory.
package struct Signs: Sendable {
    package struct Sign: Sendable, Equatable {
        package var kind: Reply.Kind
        /// Of the last one: when it came, µs since the epoch, and from how far.
        package var time: Int64
        package var timeToLive: UInt8
        package var interface: UInt16?
        /// The attempts that it answered, a bit each.
        package fileprivate(set) var attempts: UInt16 = 0

        package init(_ kind: Reply.Kind, time: Int64, timeToLive: UInt8, interface: UInt16?) {
            (self.kind, self.time, self.timeToLive, self.interface) = (kind, time, timeToLive, interface)
        }

        /// The last attempt that it answered.
        package var attempt: UInt8 { UInt8(UInt16.bitWidth - 1 - min(attempts.leadingZeroBitCount, UInt16.bitWidth - 1)) }

        /// What it means once it has come twice.
        package var reason: Reason? {
            guard attempts.nonzeroBitCount > 1 else { return nil }
            switch kind {
            case .bareReset: return .reset
            case .loneSyn: return .splitHandshakeSyn
            case .challenge, .answer: return nil
            }
        }
    }

    package static let most = 65_536

    private var signs: [UInt64: Sign] = [:]

    package init() {}

    package var isEmpty: Bool { signs.isEmpty }

    /// Notes a sign of the silent target at `position` in answer to the probe from the port of `attempt`; whether it is the target's first. Another
    /// kind than before begins anew.
    package mutating func note(_ position: UInt64, _ sign: Sign, attempt: UInt16) -> Bool {
        let before = signs[position]
        guard before != nil || signs.count < Self.most, attempt < 16 else { return false }
        var sign = sign
        sign.attempts = (before?.kind == sign.kind ? before?.attempts ?? 0 : 0) | 1 << attempt
        signs[position] = sign
        return before == nil
    }

    /// Targets that must be asked once more before it is known what their signs mean, in order.
    package var open: [UInt64] { signs.filter { $0.value.reason == nil }.keys.sorted() }

    /// What is known, in order.
    package var all: [(position: UInt64, sign: Sign)] { signs.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 } }
}
