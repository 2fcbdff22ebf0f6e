package import ScanTargets

/// The ways onto the wire, in the configuration's words.
package enum LinkKind: String, Sendable {
    /// AF_PACKET: whole Ethernet frames to a next hop.
    case packet
    /// AF_INET with the IP header included: the kernel routes and resolves.
    case rawIP = "raw-ip"
}

/// How a part of a job's addresses is reached.
package struct ScanPath: Sendable {
    package let destinations: AddressSet
    package let interface: NetworkInterface
    package let source: IPAddress
    /// Nil where the targets are on the link itself, or this machine's own.
    package let nextHop: IPAddress?
    /// The next hop's.
    package let hardwareAddress: HardwareAddress?
    package let link: LinkKind
    /// Why this link, for people.
    package let linkReason: String
}
