import PacketIO
import ScanCore
import ScanTargets
import Synchronization

/// Few hosts that have fallen silent while the path was there: the scan goes on without them, carefully, and they are asked now and then.
struct Absence {
    /// What was sent from here on is to be sent again should they come back: then it was the path.
    var from: UInt64
    var vigil: Vigil
    /// Since when the scan goes on, and when it is looked for them next; ns.
    let since: Int64
    var nextLook: Int64

    init(from: UInt64, vigil: Vigil, since: Int64) { (self.from, self.vigil, self.since, nextLook) = (from, vigil, since, since) }

    /// What share of its rate the scan may have: at first half, because a rate may be what a host takes offence at.
    func caution(_ now: Int64) -> Double { min(1, 0.5 + 0.1 * Double((now - since) / Self.step)) }

    /// ns.
    private static let step: Int64 = 4_000_000_000
    static let lookInterval: Int64 = 100_000_000
}

extension Transmitter {
    /// What was learnt from hosts that do not answer any more says nothing about others; nobody takes their silence for the path's.
    func learnAnew(without hosts: Set<IPAddress>) {
        absentHosts.formUnion(hosts)
        outage.beginAnew()
        controller?.beginAnew()
    }

    /// Whether the target's host is known to be absent.
    func isAbsent(_ position: UInt64) -> Bool {
        guard !absentHosts.isEmpty, let target = space.target(at: permutation.index(at: position)) else { return false }
        return absentHosts.contains(target.address)
    }

    /// Asks hosts that have fallen silent now and then whether they are back. Then it was the path, and what was sent meanwhile is sent again.
    func lookForTheAbsent(_ position: UInt64, _ now: Int64) throws(EngineError) {
        guard let next = absence?.nextLook, now >= next, !brake.isOn else { return }
        absence?.nextLook = now + Absence.lookInterval
        if books.state.withLock({ $0.recentCanaries.answered }).contains(where: isAbsent), let from = absence?.from {
            (absence, absentHosts) = (nil, [])
            return noteDark(from, until: position)
        }
        guard absence?.vigil.question(now) != nil, let target = canaries.next(64, table).first(where: isAbsent) else { return }
        if askAgain(target, now) { _ = try flush() }
    }
}
