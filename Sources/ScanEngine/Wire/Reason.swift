package import ScanTargets

/// Why a target is in its state, in nmap's words.
package enum Reason: UInt8, Sendable, CaseIterable {
    case synAck, reset, noResponse
    case netUnreachable, hostUnreachable, protocolUnreachable, portUnreachable
    case netProhibited, hostProhibited, adminProhibited
    case destinationUnreachable, timeExceeded
    case noRoute, beyondScope, rejectRoute
    /// Of hosts on a link of this machine, by ARP and by neighbour discovery.
    case arpResponse, noArpResponse, neighborResponse, noNeighborResponse
    case parameterProblem
    /// A SYN in return, as if both sides had opened the connection at once.
    case splitHandshakeSyn
    /// Of targets that no probe was sent to: this machine's kernel refused it, the gateway does not answer, rules or policies are in the way.
    case sendRefused, gatewaySilent, policy
    /// Of targets that are untested: the scope does not let them be asked, their host answers everything, or the job has ended before.
    case excluded, answersEverything, deadline, cancelled, failed, gaveUp

    package var words: String {
        switch self {
        case .synAck: "syn-ack"
        case .reset: "reset"
        case .noResponse: "no-response"
        case .netUnreachable: "net-unreach"
        case .hostUnreachable: "host-unreach"
        case .protocolUnreachable: "proto-unreach"
        case .portUnreachable: "port-unreach"
        case .netProhibited: "net-prohibited"
        case .hostProhibited: "host-prohibited"
        case .adminProhibited: "admin-prohibited"
        case .destinationUnreachable: "dest-unreach"
        case .timeExceeded: "time-exceeded"
        case .noRoute: "no-route"
        case .beyondScope: "beyond-scope"
        case .rejectRoute: "reject-route"
        case .arpResponse: "arp-response"
        case .noArpResponse: "no-arp-response"
        case .neighborResponse: "nd-response"
        case .noNeighborResponse: "no-nd-response"
        case .parameterProblem: "param-problem"
        case .splitHandshakeSyn: "split-handshake-syn"
        case .excluded: "excluded"
        case .answersEverything: "answers-everything"
        case .deadline: "deadline"
        case .cancelled: "cancelled"
        case .failed: "failed"
        case .gaveUp: "gave-up"
        case .sendRefused: "send-refused"
        case .gatewaySilent: "gateway-silent"
        case .policy: "policy"
        }
    }

    /// The reason that an ICMP error gives (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1); codes that nmap has no word of their own for
    /// are `destinationUnreachable`. Nil for code 4, which is about packet sizes and says nothing of the target.
    init?(icmpType: UInt8, code: UInt8) {
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

    /// Whether it is an ICMP error that tells of the way to the target and of no rule: another probe may find another way, or the way back.
    package var isOfTheWay: Bool {
        switch self {
        case .netUnreachable, .hostUnreachable, .destinationUnreachable, .timeExceeded, .noRoute: true
        default: false
        }
    }

    /// Whether the target itself has answered, with a SYN-ACK or a RST.
    var isAnswer: Bool { self == .synAck || self == .reset }

    /// The state that this reason means.
    package var state: TargetState {
        switch self {
        case .synAck, .splitHandshakeSyn: .open
        case .reset: .closed
        case .sendRefused, .gatewaySilent, .policy, .excluded, .answersEverything, .deadline, .cancelled, .failed, .gaveUp: .untested
        default: .filtered
        }
    }
}
