import CLinux
import Glibc
import SystemPackage

/// An eventfd that one thread waits on and others signal; it sits in the same wait set as the sockets.
package final class WakeEvent: Sendable {
    private let event: OwnedDescriptor

    /// Throws when the process is out of descriptors.
    package init() throws(EngineError) {
        do {
            event = OwnedDescriptor(try Syscall.retrying { clinux_eventfd(0, Int32(CLINUX_EFD_CLOEXEC_NONBLOCK)) })
        } catch {
            throw EngineError("cannot create an event descriptor", error)
        }
    }

    package var descriptor: Int32 { event.raw }

    /// Wakes the waiting thread, now or at its next wait. Any thread.
    package func signal() {
        var one: UInt64 = 1
        _ = write(event.raw, &one, 8)
    }

    /// Forgets the signals so far.
    package func clear() {
        var count: UInt64 = 0
        _ = read(event.raw, &count, 8)
    }

    /// Waits for a signal, at most `nanoseconds`, and forgets it; true when there was one.
    @discardableResult
    package func wait(nanoseconds: Int64) -> Bool {
        var entry = pollfd(fd: event.raw, events: Int16(POLLIN), revents: 0)
        // A signal handler's interruption just ends the wait early: every caller looks at the clock again.
        guard clinux_ppoll(&entry, 1, max(0, nanoseconds)) > 0 else { return false }
        clear()
        return true
    }
}
