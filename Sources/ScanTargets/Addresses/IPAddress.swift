/// One IPv4 or IPv6 address.
///
/// Every IPv4 address sorts before every IPv6 address; inside a family the order is numeric. An IPv4-mapped address (`::ffff:192.0.2.1`) is
/// an IPv6 address, different from the IPv4 address it maps. Zones (`fe80::1%eth0`, RFC 4007) are not part of an address.
package struct IPAddress: BitwiseCopyable, Hashable, Sendable {
    /// The address as a number in host order; an IPv4 address fills the low 32 bits and leaves the others zero.
    package let value: UInt128
    package let family: Family

    package init(v4: UInt32) {
        self.init(family: .v4, value: UInt128(v4))
    }

    package init(v6: UInt128) {
        self.init(family: .v6, value: v6)
    }

    /// Callers guarantee `value <= family.greatestValue`.
    init(family: Family, value: UInt128) {
        self.value = value
        self.family = family
    }

    /// The IPv4 address as a number in host order, nil for IPv6.
    package var v4: UInt32? { family == .v4 ? UInt32(truncatingIfNeeded: value) : nil }

    /// The address `distance` places further, nil beyond the end of the family.
    package func advanced(by distance: UInt64) -> IPAddress? {
        guard UInt128(distance) <= family.greatestValue - value else { return nil }
        return IPAddress(family: family, value: value + UInt128(distance))
    }
}

extension IPAddress: Comparable {
    package static func < (left: IPAddress, right: IPAddress) -> Bool {
        left.family == right.family ? left.value < right.value : left.family.rawValue < right.family.rawValue
    }
}

extension IPAddress: Steppable {
    /// The address right after this one, nil after the last of its family.
    package var next: IPAddress? { value == family.greatestValue ? nil : IPAddress(family: family, value: value + 1) }

    /// The address right before this one, nil before the first of its family.
    package var previous: IPAddress? { value == 0 ? nil : IPAddress(family: family, value: value - 1) }
}
