import Glibc
import Synchronization

/// Keeps opened captures for the interfaces that were scanned through lately.
///
/// Opening or closing one waits for the kernel (an RCU grace period and the pages of the buffer), which would be most of the time between a job's
/// submission and its first probe. So those of runs that have ended are kept. A capture in the reserve lets nothing pass until it is taken, but
/// the kernel runs its filter for each packet of the interface all the same: none is opened in advance.
package final class CaptureReserve: Sendable {
    private struct Spare {
        // One owner at a time: whoever holds the lock, then whoever took it.
        nonisolated(unsafe) let capture: PacketCapture
        let time: Int64
    }

    private let spares = Mutex<[String: [Spare]]>([:])

    /// How many are kept for an interface.
    private static let most = 2
    /// How long one is kept that nobody takes, ns.
    private static let patience: Int64 = 600_000_000_000

    package init() {}

    /// A capture with `filter` in place and at least `room` bytes: one of the reserve if one fits, else a new one.
    package func take(_ interface: String, room: Int32, filter: String) throws(EngineError) -> PacketCapture {
        while let spare = spares.withLock({ $0[interface]?.popLast() }) {
            let capture = spare.capture
            guard capture.room >= room, capture.interfaceIndex == if_nametoindex(interface), capture.hasDrained else { continue }
            try capture.change(filter: filter)
            return capture
        }
        return try PacketCapture(interface, room: room, filter: filter)
    }

    /// Takes back a capture that its run needs no more; closes it when there are enough, or when it is large.
    package func give(_ capture: PacketCapture) {
        guard capture.room == PacketCapture.smallestRoom, (try? capture.change(filter: PacketCapture.nothing)) != nil else { return }
        keep(capture)
    }

    private func keep(_ capture: PacketCapture) {
        let spare = Spare(capture: capture, time: SteadyClock.nanoseconds())
        spares.withLock { spares in
            let kept = spares[capture.interface, default: []]
            if kept.count < Self.most { spares[capture.interface] = kept + [spare] }
        }
    }

    /// Closes those that nobody has needed for long. Blocks.
    package func expire() {
        let limit = SteadyClock.nanoseconds() - Self.patience
        // They close when this goes, outside the lock.
        let before = spares.withLock { spares in
            let before = spares
            spares = spares.mapValues { $0.filter { $0.time >= limit } }
            return before
        }
        withExtendedLifetime(before) {}
    }
}

extension PacketCapture {
    /// Takes out what an earlier filter let pass; false when the capture does not work any more.
    fileprivate var hasDrained: Bool {
        do {
            for _ in 0...mostPackets / 4096 where try drain(limit: 4096, { _, _ in }) == 0 { return true }
            return true
        } catch {
            return false
        }
    }
}
