/// IPv6 addresses that carry an IPv4 address, so that packets for them may end up at it.
///
/// A network-specific prefix of RFC 6052 is known to nobody but its network's operator; whoever denies there has to deny the IPv6 block, too.
package enum EmbeddedIPv4 {
    /// A prefix behind whose `bits` bits an IPv4 address stands, and what follows it may be anything.
    fileprivate struct Form {
        let prefix: UInt128
        let bits: Int
        /// RFC 6052 §2.2 leaves the bits 64 to 71 out of the address; they are zero.
        var isSplit = false
    }

    private static let forms: [Form] = [
        // NAT64's well-known prefix (RFC 6052 §2.1).
        Form(prefix: 0x0064_ff9b << 96, bits: 96),
        // The local-use prefix of RFC 8215, in each of the layouts of RFC 6052 that its first subnet allows.
        Form(prefix: 0x0064_ff9b_0001 << 80, bits: 48, isSplit: true), Form(prefix: 0x0064_ff9b_0001 << 80, bits: 56, isSplit: true),
        Form(prefix: 0x0064_ff9b_0001 << 80, bits: 64, isSplit: true), Form(prefix: 0x0064_ff9b_0001 << 80, bits: 96),
        // 6to4 (RFC 3056).
        Form(prefix: 0x2002 << 112, bits: 16),
        // IPv4-compatible, IPv4-mapped (RFC 4291 §2.5.5) and IPv4-translated (RFC 2765 §2.1).
        Form(prefix: 0, bits: 96), Form(prefix: 0xffff << 32, bits: 96), Form(prefix: 0xffff_0000 << 32, bits: 96),
    ]

    /// Teredo (RFC 4380): its addresses carry the client's IPv4 address inverted at their end, behind anything, so they are taken as a whole.
    private static let teredo = AddressRange(network: IPAddress(v6: 0x2001_0000 << 96), prefixLength: 32)

    /// The unspecified address and loopback look like 0.0.0.0 and 0.0.0.1, and carry no IPv4 address.
    private static let noneOfThem = AddressRange(first: IPAddress(v6: 0), last: IPAddress(v6: 1))

    /// The addresses of `allowed` that carry one of the IPv4 addresses of `denied`. Costs nothing worth naming where `allowed` has none of the
    /// prefixes.
    package static func addresses(of denied: AddressSet, among allowed: AddressSet) -> AddressSet {
        let (denied, allowed) = (denied.only(.v4), allowed.only(.v6))
        guard !denied.isEmpty, !allowed.isEmpty else { return AddressSet() }
        var builder = AddressSet.Builder()
        if let teredo { builder.insert(teredo) }
        for form in forms where !form.whole.intersection(allowed).isEmpty {
            denied.forEachV4 { form.append($0, $1, to: &builder) }
        }
        return builder.set.subtracting(AddressSet(noneOfThem.map { [$0] } ?? [])).intersection(allowed)
    }
}

extension EmbeddedIPv4.Form {
    fileprivate var whole: AddressSet { AddressSet(AddressRange(network: IPAddress(v6: prefix), prefixLength: bits).map { [$0] } ?? []) }

    /// How many bits follow the IPv4 address.
    private var suffixBits: Int { 128 - bits - 32 - (isSplit ? 8 : 0) }

    /// Adds what carries an address of `first`...`last`. Where the zero bits cut the address in two, each value of the first part is a range of its own, but
    /// those that are there with all their addresses need not be told apart.
    fileprivate func append(_ first: UInt32, _ last: UInt32, to builder: inout AddressSet.Builder) {
        guard isSplit, bits < 64 else { return appendWhole(first, last, &builder) }
        let lowBits = UInt32(bits - 32)
        let (low, high) = (first >> lowBits, last >> lowBits)
        for value in low...high {
            let start = value == low ? first : value << lowBits
            let end = value == high ? last : value << lowBits | (1 << lowBits - 1)
            appendWhole(start, end, &builder)
        }
    }

    private func appendWhole(_ first: UInt32, _ last: UInt32, _ builder: inout AddressSet.Builder) {
        let rest = (UInt128(1) << UInt128(suffixBits)) - 1
        if let range = AddressRange(first: IPAddress(v6: base(first)), last: IPAddress(v6: base(last) | rest)) { builder.insert(range) }
    }

    /// The lowest address that carries `address`.
    private func base(_ address: UInt32) -> UInt128 {
        let value = UInt128(address)
        guard isSplit else { return prefix | value << UInt128(suffixBits) }
        // So many of its bits stand in front of bit 64.
        let before = 64 - bits
        let high = before >= 32 ? value : value >> UInt128(32 - before)
        let low = value & ((1 << UInt128(32 - before)) - 1)
        return prefix | high << 64 | low << UInt128(suffixBits)
    }
}
