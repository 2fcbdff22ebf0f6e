/// SipHash-2-4 as its paper tells it (Aumasson & Bernstein, 2012, §2), over bytes and without haste.
enum SlowSipHash {
    static func hash(_ message: [UInt8], key: [UInt8]) -> UInt64 {
        let (k0, k1) = (word(key[0..<8]), word(key[8..<16]))
        var v: [UInt64] = [
            k0 ^ word("somepseu".utf8.reversed()), k1 ^ word("dorandom".utf8.reversed()),
            k0 ^ word("lygenera".utf8.reversed()), k1 ^ word("tedbytes".utf8.reversed()),
        ]
        var padded = message
        while padded.count % 8 != 7 { padded.append(0) }
        padded.append(UInt8(message.count % 256))
        for start in stride(from: 0, to: padded.count, by: 8) {
            let block = word(padded[start..<start + 8])
            v[3] ^= block
            round(&v)
            round(&v)
            v[0] ^= block
        }
        v[2] ^= 0xFF
        for _ in 0..<4 { round(&v) }
        return v[0] ^ v[1] ^ v[2] ^ v[3]
    }

    private static func round(_ v: inout [UInt64]) {
        v[0] &+= v[1]
        v[2] &+= v[3]
        v[1] = rotated(v[1], 13) ^ v[0]
        v[3] = rotated(v[3], 16) ^ v[2]
        v[0] = rotated(v[0], 32)
        v[2] &+= v[1]
        v[0] &+= v[3]
        v[1] = rotated(v[1], 17) ^ v[2]
        v[3] = rotated(v[3], 21) ^ v[0]
        v[2] = rotated(v[2], 32)
    }

    private static func rotated(_ value: UInt64, _ bits: Int) -> UInt64 {
        value << bits | value >> (64 - bits)
    }

    /// Little-endian.
    private static func word(_ bytes: some BidirectionalCollection<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
