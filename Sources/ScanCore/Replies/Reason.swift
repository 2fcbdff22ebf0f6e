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

    /// Whether it is an ICMP error that tells of the way to the target and of no rule: another probe may find another way, or the way back.
    package var isOfTheWay: Bool {
        switch self {
        case .netUnreachable, .hostUnreachable, .destinationUnreachable, .timeExceeded, .noRoute: true
        default: false
        }
    }

    /// Whether the target itself has answered, with a SYN-ACK or a RST.
    package var isAnswer: Bool { self == .synAck || self == .reset }

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
