package import ScanTargets

/// How a part of a job's addresses is reached.
package struct ScanPath: Sendable {
    /// Who takes a probe off this machine.
    package enum Hop: Sendable, Equatable {
        /// The kernel has to send it: to this machine itself, or where frames carry no Ethernet header.
        case kernel
        /// Each target is on the link itself and has a hardware address of its own.
        case link
        case gateway(IPAddress, HardwareAddress)
    }

    package let destinations: AddressSet
    package let interface: NetworkInterface
    package let source: IPAddress
    package let hop: Hop
    /// What decides how probes can leave, for people.
    package let reason: String

    /// Nil where the targets are on the link itself, or this machine's own.
    package let nextHop: IPAddress?

    /// The gateway's.
    package var hardwareAddress: HardwareAddress? {
        if case .gateway(_, let address) = hop { address } else { nil }
    }

    /// Whether whole Ethernet frames can be sent; otherwise the kernel must do it.
    package var takesFrames: Bool { hop != .kernel }

    /// Whether `other` leads the same addresses the same way, whatever hardware is on it.
    package func isSameWay(as other: ScanPath) -> Bool {
        destinations == other.destinations && interface.index == other.interface.index
            && interface.hardwareAddress == other.interface.hardwareAddress
            && source == other.source && nextHop == other.nextHop
    }
}
