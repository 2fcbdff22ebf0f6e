package import ScanTargets

/// One target's state as it was recorded, a line of `GET /v1/jobs/{id}/findings`. The results log writes the same keys.
package struct Finding: Codable, Sendable, Equatable {
    package var time: Timestamp
    package var address: IPAddress
    package var port: UInt16
    /// Always `tcp`.
    package var `protocol`: String
    package var state: TargetState
    /// In nmap's words: `syn-ack`, `reset`, `no-response`, `admin-prohibited`, …
    package var reason: String
    /// The reply's IP time to live or hop limit.
    package var ttl: Int?
    package var rttMs: Double?
    package var tcpWindow: Int?
    /// The maximum segment size that a SYN-ACK offered.
    package var mss: Int?
    /// Which probe was answered, 0 for the first.
    package var attempt: Int?
    package var service: String?
    package var portClass: PortClass
    package var interface: String?
    /// True where the answer carries nothing that only its target knows, so that it may be forged.
    package var unverified: Bool?
    /// A later answer that contradicts this one, or an ICMP error that came before it: its reason and time to live.
    package var conflict: String?

    package init(time: Timestamp, address: IPAddress, port: UInt16, state: TargetState, reason: String) {
        self.time = time
        self.address = address
        self.port = port
        self.protocol = "tcp"
        self.state = state
        self.reason = reason
        self.portClass = PortClass(port)
    }
}
