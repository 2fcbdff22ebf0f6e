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
        return mayAskForNeighbors
            ? nil
            : "The kernel may not be told to resolve gateways here: run synscand as root or give it the capability CAP_NET_ADMIN (in a container: "
                + "--cap-add NET_ADMIN)."
    }

    /// Whether this process may tell the kernel something of neighbours. It is told of nobody, on no interface: who may gets another refusal.
    private static var mayAskForNeighbors: Bool {
        guard var netlink = try? Netlink() else { return true }
        do {
            try netlink.ask(NetlinkRequest(Int(RTM_NEWNEIGH), flags: NLM_F_CREATE | NLM_F_ACK, fixed: ndmsg())) { _ in }
        } catch {
            return error != .notPermitted
        }
        return true
    }
}
