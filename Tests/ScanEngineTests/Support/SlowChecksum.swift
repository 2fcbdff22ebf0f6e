/// RFC 1071 word for word, one 16-bit word after the other with the carry added at once.
enum SlowChecksum {
    /// 0 for a stretch of bytes whose checksum field is right.
    static func of(_ bytes: some Collection<UInt8>) -> UInt16 {
        let bytes = Array(bytes) + (bytes.count % 2 == 0 ? [] : [0])
        var sum: UInt64 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt64(bytes[index]) * 256 + UInt64(bytes[index + 1])
            if sum > 0xFFFF { sum = sum - 0x10000 + 1 }
        }
        return 0xFFFF - UInt16(sum)
    }

    /// Of a whole IPv4 packet's header, from its first byte on.
    static func ofHeader(_ packet: [UInt8]) -> UInt16 {
        of(packet.prefix(Int(packet[0] & 0x0F) * 4))
    }

    /// Of the TCP segment in `packet` under its pseudo header (RFC 9293 §3.1): addresses, zero, protocol, length.
    static func ofSegment(_ packet: [UInt8]) -> UInt16 {
        let segment = packet.dropFirst(Int(packet[0] & 0x0F) * 4)
        let length = UInt16(segment.count).bytes
        return of(packet[12..<20] + [0, 6] + length + segment)
    }

    /// Of what an IPv6 packet without extension headers carries under its pseudo header (RFC 8200 §8.1): addresses, length, zero, next header.
    static func ofIPv6Payload(_ packet: [UInt8]) -> UInt16 {
        let payload = packet.dropFirst(40)
        return of(packet[8..<40] + UInt32(payload.count).bytes + [0, 0, 0, packet[6]] + payload)
    }
}

extension FixedWidthInteger {
    /// In network byte order.
    var bytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }

    init(networkBytes bytes: some Collection<UInt8>) {
        self = bytes.reduce(0) { $0 << 8 | Self($1) }
    }
}

extension [UInt8] {
    /// The number at `offset` in network byte order.
    func number<Number: FixedWidthInteger>(at offset: Int, as type: Number.Type = Number.self) -> Number {
        Number(networkBytes: self[offset..<offset + MemoryLayout<Number>.size])
    }
}
