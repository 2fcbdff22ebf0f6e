package import ScanCore
package import ScanTargets

/// How a part of a job's addresses is reached.
package struct ScanPath: Sendable {
    /// Who takes a probe off this machine.
    package enum Hop: Sendable, Equatable {
        /// The kernel has to send it: to this machine itself, where frames carry no Ethernet header or no address that can be asked for, and to more
        /// neighbours than are asked for.
        case kernel
        /// Each target is on the link itself and has a hardware address of its own.
        case link
        case gateway(IPAddress, HardwareAddress)
    }

    package let destinations: AddressSet
    package let interface: NetworkInterface
    package let source: IPAddress
    /// The number of the interface on whose link link-local destinations are meant.
    package let scope: Int32
    package let hop: Hop
    /// Whether the kernel must be told that what it sends is TCP, because rules or policies ask.
    let tellsProtocol: Bool
    /// Whether rules by protocol or port had a say.
    let isByRule: Bool
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
}
