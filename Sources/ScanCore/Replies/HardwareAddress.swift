/// An Ethernet address (EUI-48).
package struct HardwareAddress: Hashable, Sendable, CustomStringConvertible {
    package static let size = 6

    /// The six bytes as they lie in memory, for writing them into a frame; never zero for an address that a neighbour can have.
    package let number: UInt64

    package var bytes: [UInt8] { (0..<UInt64(Self.size)).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } }

    /// Nil unless there are exactly six bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.size else { return nil }
        self.init(Array(bytes))
    }

    /// The six bytes at `start`, of which there must be as many.
    package init(at start: UnsafeRawPointer) {
        number = UInt64(start.loadUnaligned(as: UInt32.self)) | UInt64(start.loadUnaligned(fromByteOffset: 4, as: UInt16.self)) << 32
    }

    private init(_ bytes: [UInt8]) {
        number = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    package static let zero = HardwareAddress([0, 0, 0, 0, 0, 0])
    package static let broadcast = HardwareAddress([0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])

    /// Whom a packet to an IPv6 multicast group reaches (RFC 2464 §7): 33:33 and the group's last four bytes.
    package static func multicast(_ group: UInt128) -> HardwareAddress {
        HardwareAddress([0x33, 0x33] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: group >> $0) })
    }

    /// Whether it is that of many, as broadcast and multicast addresses are.
    package var isGroup: Bool { number & 1 != 0 }

    /// `02:00:5e:10:00:01`
    package var description: String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined(separator: ":")
    }
}
