extension IPAddress {
    /// The protocol that an address belongs to.
    package enum Family: UInt8, BitwiseCopyable, Sendable {
        case v4 = 4
        case v6 = 6

        /// The width of an address in bits: 32 or 128.
        package var bitWidth: Int { self == .v4 ? 32 : 128 }

        /// The highest address as a number.
        package var greatestValue: UInt128 { self == .v4 ? UInt128(UInt32.max) : .max }
    }
}

extension IPAddress.Family: CustomStringConvertible {
    package var description: String { self == .v4 ? "IPv4" : "IPv6" }
}
