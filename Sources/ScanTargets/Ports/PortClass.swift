/// The three classes of port numbers in RFC 6335 §6.
package enum PortClass: String, Sendable, CaseIterable, Codable {
    /// 0–1023, the system ports.
    case wellKnown = "well-known"
    /// 1024–49151, the user ports.
    case registered
    /// 49152–65535, the dynamic or private ports, which nobody can register.
    case dynamic

    /// The class of a port.
    package init(_ port: UInt16) {
        switch port {
        case ...1023: self = .wellKnown
        case ...49151: self = .registered
        default: self = .dynamic
        }
    }

    /// All port numbers of the class.
    package var range: ClosedRange<UInt16> {
        switch self {
        case .wellKnown: 0...1023
        case .registered: 1024...49151
        case .dynamic: 49152...65535
        }
    }
}
