import PacketIO
import ScanCore
import ScanTargets
import Synchronization

/// Targets that only an ICMP error has answered are asked again.
extension Transmitter {
    /// So few targets, or so small a share of the chunk's, are worth a round of their own.
    private static let fewRefusals = 64
    private static let smallShare = 10

    /// Whether errors of the way (no route, a loop) came for a few targets among many others: that is a fault on one of several ways, or of a moment,
    /// and no network that is not there.
    var hasStrayRefusals: Bool {
        let stray = books.state.withLock { $0.refusals.onTheWay }
        return stray > 0 && stray <= max(Self.fewRefusals, table.positions.count / Self.smallShare)
    }

    /// Before a later round: the targets among those that it asks for which an error has come are silent again, each once.
    func askRefusedAgain(isWide: Bool) {
        reopenRefused(in: table.positions, isFirst: true) { [space, permutation, books] position in
            guard !isWide else { return true }
            guard let target = space.target(at: permutation.index(at: position)) else { return false }
            return books.tally.isLikely(target.address, target.port)
        }
    }

    /// After a round in which routers sent errors for canaries: what errors have answered at that time is silent again, however often. Whether many
    /// targets may be concerned.
    func reopenDoubtful() -> Bool {
        let refused = books.state.withLock { $0.refused }
        guard !refused.isEmpty else { return false }
        if let part = refused.doubtful(within: table.positions) {
            reopenRefused(in: part, isFirst: false)
            return true
        }
        reopenRefused(in: table.positions, isFirst: false) { [space, permutation] position in
            space.target(at: permutation.index(at: position)).map { refused.hosts.contains($0.address) } == true
        }
        return false
    }

    /// Makes the targets in `part` for which an error has come silent again, those that `isAsked` says; `isFirst`: each once only.
    func reopenRefused(in part: Range<UInt64>, isFirst: Bool, _ isAsked: (UInt64) -> Bool = { _ in true }) {
        for start in stride(from: part.lowerBound, to: part.upperBound, by: 1 << 20) {
            telemetry.transmitPulse.store(SteadyClock.nanoseconds(), ordering: .relaxed)
            let piece = start..<min(start + 1 << 20, part.upperBound)
            for target in books.state.withLock({ $0.refusals.targets(in: piece, isFirst: isFirst) }) where isAsked(target) {
                books.state.withLock { state in
                    guard table.reopen(target) else { return }
                    if isFirst { state.refusals.askAgain(target) }
                    state.counters.filtered -= 1
                    // The error that has come belongs to nothing that is counted any more.
                    state.counters.duplicates += 1
                }
            }
        }
    }
}
