package import ScanAPI
import ScanFiles
package import ScanTargets

/// A time to come as people write it: a duration from now, a time of day, a local date and time, or a time with its offset from UTC.
package enum Deadline {
    /// By how many seconds the local clock is ahead of UTC at a time.
    package typealias Zone = (Timestamp) -> Int64

    private static let day: Int64 = 86_400

    /// The last time that RFC 3339 can write.
    private static let last = Timestamp(exactly: "9999-12-31T23:59:59.999999Z")

    /// Reads `90s`, `1h30m`, `06:00` (the next one), `2026-11-26 06:00` (local) and `2026-11-26T06:00:00Z`.
    ///
    /// Throws for anything else, and for a time that is not after `now`. A local time that the clocks jump over is as much later as they jump;
    /// of one that comes twice, the first that is still to come counts.
    package static func parse(_ text: String, now: Timestamp, zone: Zone) throws(ExpressionError) -> Timestamp {
        let afterNow = DurationText.seconds(text).map { later(now, by: Int64($0)) }
        guard let time = afterNow ?? clockTime(text, now, zone) ?? Timestamp(text) ?? localTime(text, now, zone) else {
            throw ExpressionError(
                asked: text, problem: "this is not read as a time",
                remedy: "write a duration from now (90s, 30m, 8h, 2d, 1h30m), a time of day (06:00), "
                    + "a local date and time (2026-11-26 06:00), or one with its offset (2026-11-26T06:00:00Z)")
        }
        guard time > now else {
            throw ExpressionError(asked: text, problem: "this is over", remedy: "write a time to come, or a duration from now like 8h")
        }
        if let last, time > last {
            throw ExpressionError(asked: text, problem: "this is beyond the year 9999", remedy: "write an earlier time")
        }
        return time
    }

    /// `06:00`: the next time that the clocks show it.
    private static func clockTime(_ text: String, _ now: Timestamp, _ zone: Zone) -> Timestamp? {
        guard text.utf8.count == 5 else { return nil }
        let today = later(now, by: zone(now)).description.prefix(10)
        guard let shown = Timestamp("\(today)T\(text):00Z") else { return nil }
        return (0...2).flatMap { times(showing: later(shown, by: $0 * day), zone) }.first { $0 > now }
    }

    /// `2026-11-26 06:00`, `2026-11-26T06:00:30`
    private static func localTime(_ text: String, _ now: Timestamp, _ zone: Zone) -> Timestamp? {
        guard let shown = Timestamp(text + "Z") else { return nil }
        let times = times(showing: shown, zone)
        return times.first { $0 > now } ?? times.first
    }

    /// The times at which local clocks show what clocks at Greenwich show at `shown`: one, or two where the clocks are set back, the earlier first.
    private static func times(showing shown: Timestamp, _ zone: Zone) -> [Timestamp] {
        // No zone is a day away from Greenwich, and none is changed twice within two days.
        let before = zone(later(shown, by: -day))
        let after = zone(later(shown, by: day))
        let offsets = (before == after ? [before] : [before, after]).filter { zone(later(shown, by: -$0)) == $0 }
        return (offsets.isEmpty ? [before] : offsets).map { later(shown, by: -$0) }
    }

    private static func later(_ time: Timestamp, by seconds: Int64) -> Timestamp {
        Timestamp(microseconds: time.microseconds + seconds * 1_000_000)
    }
}
