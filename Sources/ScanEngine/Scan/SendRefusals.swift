import PacketIO
import ScanTargets
import SystemPackage

/// Where the kernel did not take probes for a reason that concerns their destination. In bounded memory; guarded by the books' lock.
struct SendRefusals {
    private var addresses: [Errno: Set<IPAddress>] = [:]

    /// So many addresses are named for each reason.
    private static let most = 4096

    mutating func note(_ address: IPAddress, _ code: Errno) {
        guard (addresses[code]?.count ?? 0) < Self.most else { return }
        addresses[code, default: []].insert(address)
    }

    /// What was refused and why, a sentence each.
    var sentences: [String] {
        addresses.sorted { $0.key.rawValue < $1.key.rawValue }.map { code, addresses in
            let set = AddressSet(addresses.map { AddressRange($0) })
            return "\(set.shortened)\(addresses.count >= Self.most ? ", …" : ""): \(Self.words(for: code))"
        }
    }

    private static func words(for code: Errno) -> String {
        let said = "the kernel refuses probes: \(code.description)"
        return switch code {
        case .noKey: "\(said) (no WireGuard peer has this address)"
        case .noDestination: "\(said) (its WireGuard peer has no endpoint)"
        case .notPermitted, .permissionDenied: "\(said) (a firewall rule or a policy of this machine)"
        default: said
        }
    }
}

extension Errno {
    /// EDESTADDRREQ and ENOKEY, errno(3).
    fileprivate static let noDestination = Errno(rawValue: 89)
    fileprivate static let noKey = Errno(rawValue: 126)
}
