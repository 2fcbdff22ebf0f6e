package import ScanTargets

/// What is known of a whole host, a line of `GET /v1/jobs/{id}/findings` behind those of ports. The results log writes the same keys.
package struct HostFinding: Codable, Sendable, Equatable {
    package var time: Timestamp
    package var address: IPAddress
    /// `up`, `down` or `answers-everything`.
    package var state: String
    package var reason: String
    package var ttl: Int?
    /// Where it answers everything: how many of its ports are open, and how many of a random sample of the job's own ports.
    package var openPorts: Int?
    package var sampled: Int?
    package var sampledOpen: Int?
    /// Of a neighbour: its hardware address, who made it, another one that claims the same address, and for how many of the job's addresses it
    /// answers where that is more than one.
    package var mac: String?
    package var vendor: String?
    package var duplicateMac: String?
    package var macSharedBy: Int?

    package init(time: Timestamp, address: IPAddress, state: String, reason: String) {
        self.time = time
        self.address = address
        self.state = state
        self.reason = reason
    }
}
