import Glibc
import SystemPackage

/// A way onto the wire for the probes of one path. Used by one thread.
package protocol ProbeLink: AnyObject {
    /// Where to make the next frames; few or none where the kernel still needs the memory of earlier ones. Until the next `send`.
    func slots() -> FrameSlots

    /// Sends frames `range` of the slots, in order, without blocking. Throws when the interface is gone or down.
    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome

    /// How many of the frames that were taken since the last call the interface has dropped, where only its counters tell.
    func takeDrops() -> Int
}

extension ProbeLink {
    package func takeDrops() -> Int { 0 }
}

extension SendOutcome {
    /// Sorts what a sending call has returned: how many frames it took, or else errno.
    package init(_ result: Int32, interface: String) throws(EngineError) {
        if result > 0 {
            self = .sent(Int(result))
            return
        }
        switch errno {
        case EAGAIN, ENOBUFS, ENOMEM, EINTR, EBUSY: self = .busy
        // Only these say that the device or the socket is no more. Every other one is what some device, tunnel or rule says of one destination, such
        // as WireGuard's ENOKEY, which no other program would give up all others for.
        case ENETDOWN, ENODEV, ENXIO, EBADF, ENOTSOCK: throw EngineError("Sending on \(interface) failed", Errno(rawValue: errno))
        case let code: self = .refused(Errno(rawValue: code))
        }
    }
}
