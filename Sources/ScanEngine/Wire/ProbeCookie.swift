/// The number that a probe carries as its TCP sequence number and that only its target can give back: a keyed hash of both addresses and
/// ports (SipHash-2-4; Aumasson & Bernstein, 2012).
package struct ProbeCookie: Sendable, BitwiseCopyable {
    private let k0, k1: UInt64

    package init(key: ScanKey) {
        (k0, k1) = (key.word(2), key.word(3))
    }

    /// The cookie of an IPv4 probe, with addresses and ports as it has them: source is this machine.
    @inline(__always)
    package func value(source: UInt32, destination: UInt32, sourcePort: UInt16, destinationPort: UInt16) -> UInt32 {
        let addresses = UInt64(source) &<< 32 | UInt64(destination)
        let ports = UInt64(sourcePort) &<< 16 | UInt64(destinationPort)
        var hash = SipHash(k0, k1)
        hash.absorb(addresses)
        // The last block holds the remaining four bytes and the length of the message, 12.
        hash.absorb(ports | 12 &<< 56)
        return UInt32(truncatingIfNeeded: hash.finish())
    }

    /// The cookie of an IPv6 probe.
    @inline(__always)
    package func value(source: UInt128, destination: UInt128, sourcePort: UInt16, destinationPort: UInt16) -> UInt32 {
        let ports = UInt64(sourcePort) &<< 16 | UInt64(destinationPort)
        var hash = SipHash(k0, k1)
        hash.absorb(destination)
        hash.absorb(source)
        // As above; the message has 36 bytes.
        hash.absorb(ports | 36 &<< 56)
        return UInt32(truncatingIfNeeded: hash.finish())
    }
}

/// SipHash-2-4's state; each `absorb` takes one block of eight bytes.
private struct SipHash {
    private var v0, v1, v2, v3: UInt64

    @inline(__always)
    init(_ k0: UInt64, _ k1: UInt64) {
        v0 = k0 ^ 0x736F_6D65_7073_6575
        v1 = k1 ^ 0x646F_7261_6E64_6F6D
        v2 = k0 ^ 0x6C79_6765_6E65_7261
        v3 = k1 ^ 0x7465_6462_7974_6573
    }

    @inline(__always)
    mutating func absorb(_ block: UInt64) {
        v3 ^= block
        round()
        round()
        v0 ^= block
    }

    /// The lower half first.
    @inline(__always)
    mutating func absorb(_ blocks: UInt128) {
        absorb(UInt64(truncatingIfNeeded: blocks))
        absorb(UInt64(truncatingIfNeeded: blocks &>> 64))
    }

    @inline(__always)
    mutating func finish() -> UInt64 {
        v2 ^= 0xFF
        round()
        round()
        round()
        round()
        return v0 ^ v1 ^ v2 ^ v3
    }

    @inline(__always)
    private mutating func round() {
        v0 &+= v1
        v1 = Self.rotate(v1, 13) ^ v0
        v0 = Self.rotate(v0, 32)
        v2 &+= v3
        v3 = Self.rotate(v3, 16) ^ v2
        v0 &+= v3
        v3 = Self.rotate(v3, 21) ^ v0
        v2 &+= v1
        v1 = Self.rotate(v1, 17) ^ v2
        v2 = Self.rotate(v2, 32)
    }

    @inline(__always)
    private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 {
        value &<< bits | value &>> (64 &- bits)
    }
}
