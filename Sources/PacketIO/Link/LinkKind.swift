/// The ways onto the wire, in the configuration's words.
package enum LinkKind: String, Sendable, CaseIterable {
    /// AF_XDP in copy mode: Ethernet frames from memory that the kernel shares, the least work per packet.
    case xdp
    /// AF_PACKET with a transmit ring: the same for kernels and drivers that know no AF_XDP.
    case ring
    /// AF_PACKET, batches of Ethernet frames by sendmmsg(2).
    case packet
    /// AF_INET with the IP header included: the kernel routes and resolves.
    case rawIP = "raw-ip"

    /// What is tried for frames to a next hop, in this order; `preferred` nil: the fastest first.
    package static func candidates(_ preferred: LinkKind?) -> ArraySlice<LinkKind> {
        allCases.drop { $0 != preferred ?? .xdp }
    }
}
