import CLinux

/// Time of day, for what people and logs read, and for comparison with the capture's time stamps.
package enum WallClock {
    /// CLOCK_REALTIME in microseconds since 1970-01-01T00:00:00Z.
    @inline(__always)
    package static func microseconds() -> Int64 {
        clinux_realtime() / 1000
    }
}

/// Time that never jumps, for pacing and waiting.
package enum SteadyClock {
    /// CLOCK_MONOTONIC in nanoseconds since an arbitrary start.
    @inline(__always)
    package static func nanoseconds() -> Int64 {
        clinux_monotonic()
    }
}
