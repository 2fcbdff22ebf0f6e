package import ScanTargets

/// How a part of a job's addresses is reached.
package struct ScanPath: Sendable {
    package let destinations: AddressSet
    package let interface: NetworkInterface
    package let source: IPAddress
    /// Nil where the targets are on the link itself, or this machine's own.
    package let nextHop: IPAddress?
    /// The next hop's.
    package let hardwareAddress: HardwareAddress?
    /// What decides how probes can leave, for people.
    package let reason: String

    /// Whether whole Ethernet frames can be sent to the next hop; otherwise the kernel must do it.
    package var takesFrames: Bool { hardwareAddress != nil && interface.hasEthernet }
}
