import CLinux
import Glibc
import SystemPackage

/// What the process is allowed to do.
package enum Privilege {
    /// A sentence that says what is missing for scanning, nil when nothing is.
    package static func missing() -> String? {
        let probes: [(Int32, __socket_type, Int32)] = [
            (AF_INET, SOCK_RAW, Int32(IPPROTO_RAW)), (AF_PACKET, SOCK_RAW, 0),
        ]
        for (family, type, number) in probes {
            do {
                _ = try OwnedDescriptor(family: family, type: type, protocol: number)
            } catch {
                return
                    "Raw sockets are not allowed here (\(error.description)): run synscand as root or give it the capability CAP_NET_RAW."
            }
        }
        return nil
    }
}
