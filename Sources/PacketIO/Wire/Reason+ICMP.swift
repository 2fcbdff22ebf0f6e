package import ScanCore

/// What ICMP errors mean.
extension Reason {
    /// The reason that an ICMP error gives (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1); codes that nmap has no word of their own for
    /// are `destinationUnreachable`. Nil for code 4, which is about packet sizes and says nothing of the target.
    package init?(icmpType: UInt8, code: UInt8) {
        guard icmpType == ICMPView.MessageType.destinationUnreachable else {
            self = .timeExceeded
            return
        }
        switch code {
        case 0: self = .netUnreachable
        case 1: self = .hostUnreachable
        case 2: self = .protocolUnreachable
        case 3: self = .portUnreachable
        case 4: return nil
        case 9: self = .netProhibited
        case 10: self = .hostProhibited
        case 13: self = .adminProhibited
        default: self = .destinationUnreachable
        }
    }

    /// The reason that an ICMPv6 error gives (RFC 4443 §3.1, §3.3, §3.4), likewise. Nil for any other message: one that a packet is too big says
    /// nothing of the target, and of the parameter problems only an unrecognised next header does, because it tells of a host without TCP.
    package init?(icmpv6Type: UInt8, code: UInt8) {
        switch icmpv6Type {
        case ICMPv6View.MessageType.destinationUnreachable: self.init(icmpv6Unreachable: code)
        case ICMPv6View.MessageType.timeExceeded: self = .timeExceeded
        case ICMPv6View.MessageType.parameterProblem where code == 1: self = .parameterProblem
        default: return nil
        }
    }

    private init(icmpv6Unreachable code: UInt8) {
        switch code {
        case 0: self = .noRoute
        // Prohibited, or the source address failed a policy.
        case 1, 5: self = .adminProhibited
        case 2: self = .beyondScope
        case 3: self = .hostUnreachable
        case 4: self = .portUnreachable
        case 6: self = .rejectRoute
        default: self = .destinationUnreachable
        }
    }
}
