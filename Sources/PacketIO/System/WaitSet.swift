import CLinux
import Glibc

/// Descriptors that one thread waits for together (ppoll(2)).
package struct WaitSet {
    private var entries: [pollfd]

    package init(_ descriptors: [Int32]) {
        entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    }

    /// Waits until one of them can be read, at most `nanoseconds`; a signal handler's interruption ends the wait early.
    package mutating func wait(nanoseconds: Int64) {
        _ = clinux_ppoll(&entries, UInt(entries.count), nanoseconds)
    }
}
