package import ScanCore
package import ScanTargets

/// The number that a probe carries as its TCP sequence number and that only its target can give back: a keyed hash of both addresses and
/// ports (SipHash-2-4; Aumasson & Bernstein, 2012).
package struct ProbeCookie: Sendable, BitwiseCopyable {
    private let k0, k1: UInt64

    package init(key: ScanKey) {
        (k0, k1) = (key.word(2), key.word(3))
    }

    /// The cookies of all IPv4 probes from one port.
    @inline(__always)
    package func sender(_ source: UInt32, _ port: UInt16) -> Sender {
        var hash = SipHash(k0, k1)
        hash.absorb(UInt64(source) | UInt64(port) &<< 32)
        return Sender(port, hash)
    }

    /// The cookies of all IPv6 probes from one port.
    @inline(__always)
    package func sender(_ source: UInt128, _ port: UInt16) -> Sender {
        var hash = SipHash(k0, k1)
        hash.absorb(source)
        hash.absorb(UInt64(port))
        return Sender(port, hash)
    }

    package func sender(_ source: IPAddress, _ port: UInt16) -> Sender {
        if let number = source.v4 { sender(number, port) } else { sender(source.value, port) }
    }

    /// What all probes from one port have in common: the hash of that end, which stands first in the message, filled up with zeros to whole blocks.
    package struct Sender: Sendable, BitwiseCopyable {
        package let port: UInt16
        private let start: SipHash

        /// The hash so far, as numbers.
        package var state: (UInt64, UInt64, UInt64, UInt64) { start.state }

        fileprivate init(_ port: UInt16, _ start: SipHash) {
            (self.port, self.start) = (port, start)
        }

        /// The cookie of an IPv4 probe, with the address and the port that it asks as numbers.
        @inline(__always)
        package func cookie(to destination: UInt32, _ port: UInt16) -> UInt32 {
            var hash = start
            // The last block ends in the length of the message.
            hash.absorb(UInt64(destination) | UInt64(port) &<< 32 | 14 &<< 56)
            return UInt32(truncatingIfNeeded: hash.finish())
        }

        /// The cookie of an IPv6 probe.
        @inline(__always)
        package func cookie(to destination: UInt128, _ port: UInt16) -> UInt32 {
            var hash = start
            hash.absorb(destination)
            hash.absorb(UInt64(port) | 42 &<< 56)
            return UInt32(truncatingIfNeeded: hash.finish())
        }
    }
}

/// SipHash-2-4's state; each `absorb` takes one block of eight bytes.
private struct SipHash: BitwiseCopyable {
    private var v0, v1, v2, v3: UInt64

    var state: (UInt64, UInt64, UInt64, UInt64) { (v0, v1, v2, v3) }

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
