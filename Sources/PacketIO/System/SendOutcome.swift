package import SystemPackage

/// What became of a batch.
package enum SendOutcome: Sendable {
    /// The kernel took this many from the front, at least one.
    case sent(Int)
    /// Its queues are full: offer the same frames again a little later.
    case busy
    /// It refused the first frame, for a reason that concerns that one only: leave it out.
    case refused(Errno)
}
