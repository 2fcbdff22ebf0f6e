/// A captured packet that may answer a probe, taken apart but not yet verified.
package struct Reply: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case answer(Reason)
        /// What acknowledges nothing that a probe carries, and so proves nothing (`Signs`): a RST without ACK, a SYN in return, and an ACK alone, by
        /// which a host with another connection of these ports in mind challenges the probe (RFC 5961 §4).
        case bareReset, loneSyn, challenge
    }

    /// The probe's; its source is ours if the cookie holds.
    package var addresses: ProbeAddresses
    package var kind: Kind
    package var targetPort: UInt16
    package var localPort: UInt16
    /// Two candidates for the probe's sequence number; the second differs only for a RST. Of a lone SYN its own.
    package var cookie: UInt32
    package var otherCookie: UInt32
    /// Or hop limit.
    package var timeToLive: UInt8
    /// Whether the target's own host sent it, or something on the way there.
    package var isFromTarget: Bool
    package var window: UInt16?
    package var maximumSegmentSize: UInt16?

    package init(
        _ kind: Kind, _ addresses: ProbeAddresses, targetPort: UInt16, localPort: UInt16, cookie: UInt32, otherCookie: UInt32,
        timeToLive: UInt8, isFromTarget: Bool, window: UInt16? = nil, maximumSegmentSize: UInt16? = nil
    ) {
        (self.kind, self.addresses, self.targetPort, self.localPort) = (kind, addresses, targetPort, localPort)
        (self.cookie, self.otherCookie, self.timeToLive, self.isFromTarget) = (cookie, otherCookie, timeToLive, isFromTarget)
        (self.window, self.maximumSegmentSize) = (window, maximumSegmentSize)
    }
}
