import PacketIO
import ScanCore
import Synchronization

/// Lets lines through at a bounded rate, kind by kind, so that nobody fills a disk by asking for what is refused. What comes faster is counted, and the
/// count is told with the next line of the kind, or with the last one after some seconds. Any thread.
package final class LineBrake<Kind: Hashable & Sendable, Line: Sendable>: Sendable {
    private struct Meter {
        /// How many lines may be written at once, as of `time`.
        var room: Double
        var time: Int64
        /// The last of those that were left out, and how many came before it.
        var leftOut: (line: Line, before: Int)?
    }

    private let burst: Double
    private let perSecond: Double
    /// Writes the last of the lines that nothing has followed; the number is how many like it were left out before.
    private let late: @Sendable (Line, Int) -> Void
    private let meters = Mutex<[Kind: Meter]>([:])
    private static var patience: Duration { .seconds(10) }

    package init(burst: Int, perSecond: Double, late: @escaping @Sendable (Line, Int) -> Void) {
        (self.burst, self.perSecond, self.late) = (Double(burst), perSecond, late)
    }

    /// How many lines like this one were left out before it, which is to be written; nil when it is left out itself.
    package func take(_ line: Line, of kind: Kind, at now: Int64 = SteadyClock.nanoseconds()) -> Int? {
        let (more, isFirst) = meters.withLock { meters -> (Int?, Bool) in
            var meter = meters[kind] ?? Meter(room: burst, time: now)
            meter.room = min(burst, meter.room + Double(max(0, now - meter.time)) / 1e9 * perSecond)
            meter.time = now
            defer { meters[kind] = meter }
            if meter.room >= 1 {
                meter.room -= 1
                defer { meter.leftOut = nil }
                return (meter.leftOut.map { $0.before + 1 } ?? 0, false)
            }
            let isFirst = meters.values.allSatisfy { $0.leftOut == nil }
            meter.leftOut = (line, meter.leftOut.map { $0.before + 1 } ?? 0)
            return (nil, isFirst)
        }
        if isFirst { flushLater() }
        return more
    }

    private func flushLater() {
        Task { [weak self] in
            try? await Task.sleep(for: Self.patience)
            self?.flush()
        }
    }

    /// Has written what was left out and not told yet.
    package func flush() {
        let due = meters.withLock { meters in
            let due = meters.values.compactMap(\.leftOut)
            // A meter that nothing was left out of since the last time is as good as a new one.
            meters = meters.filter { $0.value.leftOut != nil }
            for kind in meters.keys { meters[kind]?.leftOut = nil }
            return due
        }
        for (line, before) in due { late(line, before) }
    }

    /// `no role (and 64312 more like this)`
    package static func words(_ reason: String?, more: Int) -> String? {
        guard more > 0 else { return reason }
        return reason.map { "\($0) (and \(more) more like this)" } ?? "and \(more) more like this"
    }
}
