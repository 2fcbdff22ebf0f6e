/// A run of addresses of one family, both ends included; never empty.
package struct AddressRange: Hashable, Sendable {
    package let first: IPAddress
    package let last: IPAddress

    /// Nil when `last` comes before `first` or the families differ.
    package init?(first: IPAddress, last: IPAddress) {
        guard first.family == last.family, first <= last else { return nil }
        self.init(lower: first, upper: last)
    }

    /// One address.
    package init(_ address: IPAddress) {
        self.init(lower: address, upper: address)
    }

    /// The network that `network` lies in; its host bits are cut off (RFC 4632).
    ///
    /// Nil when `prefixLength` is not in 0...32 for IPv4, 0...128 for IPv6.
    package init?(network: IPAddress, prefixLength: Int) {
        let family = network.family
        guard 0...family.bitWidth ~= prefixLength else { return nil }
        let hostBits = family.greatestValue >> UInt128(prefixLength)
        let first = network.value & ~hostBits
        self.init(lower: IPAddress(family: family, value: first), upper: IPAddress(family: family, value: first | hostBits))
    }

    /// The number of addresses, 1 or more. All of IPv6 counts `UInt128.max`, one less than it holds.
    package var count: UInt128 {
        let distance = last.value - first.value
        return distance == .max ? .max : distance + 1
    }

    package func contains(_ address: IPAddress) -> Bool {
        first <= address && address <= last
    }

    /// The prefix length of the network that this range is exactly, nil when it is none.
    package var prefixLength: Int? {
        let differing = first.value ^ last.value
        let isNetwork = differing & (differing &+ 1) == 0 && first.value & differing == 0
        return isNetwork ? first.family.bitWidth - (128 - differing.leadingZeroBitCount) : nil
    }
}

extension AddressRange: Interval {
    var lower: IPAddress { first }
    var upper: IPAddress { last }

    init(lower: IPAddress, upper: IPAddress) {
        first = lower
        last = upper
    }
}

extension AddressRange: LosslessStringConvertible {
    /// Reads `a`, `a/len`, `a-b` or the short IPv4 range `10.0.0.1-20`; nil for anything else.
    package init?(_ text: String) {
        guard let range = try? AddressSyntax.range(Bytes(text)) else { return nil }
        self = range
    }

    /// The address alone, else `a/len` where the range is exactly a network, else `a-b`.
    package var description: String {
        if first == last { return first.description }
        return prefixLength.map { "\(first)/\($0)" } ?? "\(first)-\(last)"
    }
}
