import Glibc
package import ScanAPI

/// Times for people, in the machine's time zone (TZ); JSON keeps UTC.
package enum LocalTime {
    package static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// By how many seconds the local clock is ahead of UTC at `time`.
    package static func offset(at time: Timestamp) -> Int64 {
        parts(of: time).map { Int64($0.tm_gmtoff) } ?? 0
    }

    /// `2026-11-23 19:06:01`
    package static func text(_ time: Timestamp) -> String {
        guard let parts = parts(of: time) else { return time.description }
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let date = "\(Int64(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        return "\(date) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    }

    private static func parts(of time: Timestamp) -> tm? {
        var seconds = time_t(time.microseconds / 1_000_000 - (time.microseconds % 1_000_000 < 0 ? 1 : 0))
        var parts = tm()
        return localtime_r(&seconds, &parts) == nil ? nil : parts
    }
}
