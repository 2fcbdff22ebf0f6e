package import ScanTargets

/// Where a probe went and where it came from, both of one family: as plain numbers, because that is what the packet path computes with.
package enum ProbeAddresses: Sendable, Equatable {
    case v4(target: UInt32, local: UInt32)
    case v6(target: UInt128, local: UInt128)

    package var target: IPAddress {
        switch self {
        case .v4(let target, _): IPAddress(v4: target)
        case .v6(let target, _): IPAddress(v6: target)
        }
    }

    /// This machine's.
    package var local: IPAddress {
        switch self {
        case .v4(_, let local): IPAddress(v4: local)
        case .v6(_, let local): IPAddress(v6: local)
        }
    }
}
