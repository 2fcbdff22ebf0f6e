/// Flat arrays that answer an `AddressSet`'s look-ups by binary search, derived from its ranges.
///
/// IPv4 sorts before IPv6, so the IPv4 arrays describe the first ranges of the set, and the IPv6 array the rest.
struct AddressIndex: Sendable {
    private let v4Firsts: [UInt32]
    private let v4Lasts: [UInt32]
    private let v6Firsts: [UInt128]
    /// How many addresses stand before each range, up to the last range whose beginning a `UInt64` can number.
    let offsets: [UInt64]
    /// How many addresses there are, `UInt128.max` where the number does not fit.
    let count: UInt128

    init(_ ranges: [AddressRange]) {
        let v4 = ranges.prefix { $0.first.family == .v4 }
        v4Firsts = v4.map { UInt32(truncatingIfNeeded: $0.first.value) }
        v4Lasts = v4.map { UInt32(truncatingIfNeeded: $0.last.value) }
        v6Firsts = ranges[v4.endIndex...].map(\.first.value)
        (offsets, count) = AddressIndex.offsets(of: ranges)
    }

    func contains(v4 address: UInt32) -> Bool {
        guard let index = v4Firsts.sortedIndex(ofLastNotAbove: address) else { return false }
        return address <= v4Lasts[index]
    }

    /// How many ranges begin at or before `address`. Only the last of them can hold it.
    func rangesBeginning(upTo address: IPAddress) -> Int {
        guard let v4 = address.v4 else {
            return v4Firsts.count + (v6Firsts.sortedIndex(ofLastNotAbove: address.value) ?? -1) + 1
        }
        return (v4Firsts.sortedIndex(ofLastNotAbove: v4) ?? -1) + 1
    }

    private static func offsets(of ranges: [AddressRange]) -> (offsets: [UInt64], count: UInt128) {
        var offsets: [UInt64] = []
        offsets.reserveCapacity(ranges.count)
        var count: UInt128 = 0
        for range in ranges {
            if let offset = UInt64(exactly: count) { offsets.append(offset) }
            count = count.saturatingAdd(range.count)
        }
        return (offsets, count)
    }
}
