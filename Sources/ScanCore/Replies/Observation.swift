package import ScanTargets

/// A target's state as the engine saw it, on its way to the recorder.
package struct Observation: Sendable, Equatable {
    /// When the reply was captured, or when the wait for one ended; µs since 1970-01-01T00:00:00Z.
    package var time: Int64
    package var address: IPAddress
    package var port: UInt16
    package var state: TargetState
    package var reason: Reason
    /// Of the reply; all of these are absent when nothing came back.
    package var ttl: UInt8?
    package var rttMicroseconds: UInt32?
    package var window: UInt16?
    package var mss: UInt16?
    /// Which probe was answered, 0 for the first.
    package var attempt: UInt8?
    /// Index into the run's `interfaceNames`.
    package var interface: UInt16?
    /// Whether the answer carried the probe's cookie; one that did not may be forged.
    package var isVerified = true
    /// A later answer that contradicts this one; then everything else is of the first. Or an ICMP error that came before and that this one, an answer
    /// of the target itself, overrules.
    package var conflict: Conflict?

    package struct Conflict: Sendable, Equatable {
        package var reason: Reason
        package var ttl: UInt8

        package init(reason: Reason, ttl: UInt8) {
            self.reason = reason
            self.ttl = ttl
        }
    }

    package init(time: Int64, address: IPAddress, port: UInt16, state: TargetState, reason: Reason) {
        self.time = time
        self.address = address
        self.port = port
        self.state = state
        self.reason = reason
    }
}
