package import ScanCore

/// Where observations go. The engine's threads call both members.
package protocol ObservationSink: AnyObject, Sendable {
    /// Takes a batch over; must not block for longer than a lock and an append.
    func deliver(_ batch: [Observation])
    /// Likewise what is known of whole hosts.
    func deliver(_ hosts: [HostObservation])
    /// Likewise the positions of targets that are settled as untested, each once, whether or not their observations are recorded.
    func leave(_ untested: PositionSet)
    /// While true the transmit thread pauses, so that the backlog stays bounded and nothing is dropped.
    var isFull: Bool { get }
    /// Takes a checkpoint that holds everything delivered so far, and nothing else; must not block either.
    func keep(_ checkpoint: ScanCheckpoint)
    /// `ScanRun.obstacle` has changed; must not block either.
    func noteObstacle()
    /// False while the last checkpoint has not been kept yet: the next one can wait.
    var takesCheckpoint: Bool { get }
}
