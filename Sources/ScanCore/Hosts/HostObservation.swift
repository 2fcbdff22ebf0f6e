package import ScanTargets

/// What the engine learnt about a whole host, on its way to the recorder.
package struct HostObservation: Sendable, Equatable {
    package enum State: String, Sendable {
        /// It has answered, with whatever.
        case up
        /// None of its ports has answered, after the last attempt.
        case down
        /// So many ports are open that something answers in place of services: a SYN proxy, a tarpit, a middlebox. The rest was not probed.
        case answersEverything = "answers-everything"
    }

    /// How many open ports it has, and how a random sample of the job's own ports answered.
    package struct Flood: Sendable, Equatable {
        package var openPorts: Int
        package var sampled: Int
        package var sampledOpen: Int

        package init(openPorts: Int, sampled: Int, sampledOpen: Int) {
            self.openPorts = openPorts
            self.sampled = sampled
            self.sampledOpen = sampledOpen
        }
    }

    /// µs since 1970-01-01T00:00:00Z.
    package var time: Int64
    package var address: IPAddress
    package var state: State
    package var reason: Reason
    /// Of the reply that told, if one did.
    package var ttl: UInt8?
    /// Its hardware address, where it is a neighbour on a link of this machine, and a second one if two devices say that they have the address.
    package var hardware: HardwareAddress?
    package var secondHardware: HardwareAddress?
    /// For how many of the job's addresses the same device answers, where that is more than one: it may be a router that answers for others.
    package var sharedBy: Int?
    /// Only where it answers everything.
    package var flood: Flood?

    package init(time: Int64, address: IPAddress, state: State, reason: Reason) {
        self.time = time
        self.address = address
        self.state = state
        self.reason = reason
    }
}
