package import ScanTargets

/// What somebody wants of the ways to a job's targets beyond what the kernel's routes say.
package struct Narrowing: Sendable, Equatable {
    /// The interface that probes leave by.
    package var interface: String?
    /// The address that they come from, one of this machine's.
    package var source: IPAddress?
    /// The interface on whose link link-local addresses are, which say nothing of it themselves (RFC 4007); nil: `interface`.
    package var zone: String?

    package init(interface: String? = nil, source: IPAddress? = nil, zone: String? = nil) {
        (self.interface, self.source, self.zone) = (interface, source, zone)
    }

    /// Addresses that are only meant on one link (RFC 4291 §2.5.6).
    package static let linkLocal = AddressRange(network: IPAddress(v6: 0xFE80 << 112), prefixLength: 10)
}
