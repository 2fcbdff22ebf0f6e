import Glibc
import SystemPackage

/// A way onto the wire for the probes of one path. Used by one thread.
protocol ProbeLink: AnyObject {
    /// The frames to patch and send, copies of the path's template.
    var frames: FrameBatch { get }

    /// Sends frames `range`, in order, without blocking. Throws when the interface is gone or down.
    func send(_ range: Range<Int>) throws(EngineError) -> SendOutcome
}

/// What became of a batch.
enum SendOutcome {
    /// The kernel took this many from the front, at least one.
    case sent(Int)
    /// Its queues are full: offer the same frames again a little later.
    case busy
    /// It refused the first frame for a reason that concerns that one only: leave it out.
    case refused
}

extension SendOutcome {
    /// Sorts the result of sendmmsg(2) on `interface`.
    init(_ result: Int32, interface: String) throws(EngineError) {
        if result > 0 {
            self = .sent(Int(result))
            return
        }
        switch errno {
        case EAGAIN, ENOBUFS, ENOMEM, EINTR: self = .busy
        case EPERM, EACCES, EHOSTUNREACH, EINVAL, EMSGSIZE: self = .refused
        case let code: throw EngineError("Sending on \(interface) failed", Errno(rawValue: code))
        }
    }
}
