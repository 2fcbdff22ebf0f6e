import Glibc
import Synchronization

/// Keeps an opened capture ready for each interface that was scanned through lately.
///
/// Opening one waits for the kernel (an RCU grace period and the pages of the buffer), which would be most of the time between a job's submission
/// and its first probe. A spare lets nothing pass until it is taken.
package final class CaptureReserve: Sendable {
    private struct Spare {
        // One owner at a time: whoever holds the lock, then whoever took it.
        nonisolated(unsafe) let capture: PacketCapture
        let time: Int64
    }

    private let spares = Mutex<[String: Spare]>([:])

    /// How long a spare is kept that nobody takes, ns.
    private static let patience: Int64 = 600_000_000_000

    package init() {}

    /// A capture with `filter` in place and at least `room` bytes: the spare if there is one that fits, else a new one.
    func take(_ interface: String, room: Int32, filter: String) throws(EngineError) -> PacketCapture {
        let spare = spares.withLock { $0.removeValue(forKey: interface) }
        if let capture = spare?.capture, capture.room >= room, capture.interfaceIndex == if_nametoindex(interface), capture.isEmptyAndWell {
            try capture.change(filter: filter)
            return capture
        }
        return try PacketCapture(interface, room: room, filter: filter)
    }

    /// Opens a spare for each of these interfaces that has none. Blocks. What does not work now is told when it is needed.
    package func refill(_ interfaces: [String]) {
        for name in interfaces where spares.withLock({ $0[name] == nil }) {
            guard let capture = try? PacketCapture(name, room: PacketCapture.smallestRoom, filter: PacketCapture.nothing) else { continue }
            let spare = Spare(capture: capture, time: SteadyClock.nanoseconds())
            spares.withLock { $0[name] = spare }
        }
    }

    /// Closes spares that have waited for long. Blocks.
    package func expire() {
        let limit = SteadyClock.nanoseconds() - Self.patience
        let old = spares.withLock { spares in
            let old = spares.filter { $0.value.time < limit }
            for name in old.keys { spares[name] = nil }
            return old
        }
        _ = old
    }
}

extension PacketCapture {
    /// Whether the capture still works and holds nothing.
    fileprivate var isEmptyAndWell: Bool {
        (try? drain(limit: 1) { _, _ in }) == 0
    }
}
