package import ScanCore

/// The question which hardware address an IPv6 address on the link has (neighbour solicitation, RFC 4861 §4.3).
package struct NeighborSolicitation: Equatable, Sendable {
    package let target: UInt128
    /// This machine's own: the answer comes there, and others may learn from them.
    package let source: UInt128
    package let hardware: HardwareAddress

    package init(for target: UInt128, from source: UInt128, _ hardware: HardwareAddress) {
        (self.target, self.source, self.hardware) = (target, source, hardware)
    }

    /// The solicited-node multicast address of `target` (RFC 4291 §2.7.1): ff02::1:ff and its last 24 bits.
    package static func group(of target: UInt128) -> UInt128 {
        0xFF02_0000_0000_0000_0000_0001_FF00_0000 | target & 0xFF_FFFF
    }

    /// The Ethernet frame that asks whoever listens to the target's group.
    package var frame: [UInt8] {
        let group = Self.group(of: target)
        let message =
            [NeighborMessage.solicitation, 0] + [0, 0]  // code; checksum
            + [0, 0, 0, 0]  // reserved
            + target.networkBytes
            + [NeighborMessage.Option.sourceAddress, 1] + hardware.bytes  // length in words of eight bytes
        return EtherType.header(to: .multicast(group), from: hardware, EtherType.ipv6)
            + NeighborMessage.packet(message, from: source, to: group)
    }
}

/// What a neighbour says of its hardware address, asked or unasked (neighbour advertisement, RFC 4861 §4.4).
package struct NeighborAdvertisement: Equatable, Sendable {
    /// ICMPv6's.
    static let messageType = NeighborMessage.advertisement

    package let target: UInt128
    /// Nil where the option is missing: the sender holds that whoever asked knows it.
    package let hardware: HardwareAddress?
    package let isRouter: Bool
    /// Whether it answers a question.
    package let isSolicited: Bool
    /// Whether it replaces what is known; without it, it only adds to it.
    package let overrides: Bool

    private enum Flag {
        static let router: UInt8 = 0x80
        static let solicited: UInt8 = 0x40
        static let override: UInt8 = 0x20
    }

    /// Nil for any other packet, and for one that RFC 4861 §7.1.2 says is to be ignored: above all one that a router has passed on. Nor is one
    /// believed that gives the hardware address of a group.
    package init?(ipv6 packet: PacketBytes) {
        // RFC 6980 forbids fragments, and no other extension header has a use here.
        guard let ip = IPv6View(packet), ip.isPlain, ip.protocolNumber == IPv6View.HeaderNumber.icmp,
            ip.hopLimit == NeighborMessage.hopLimit, ip.payload.count >= NeighborMessage.length
        else { return nil }
        let start = ip.payload.start
        let flags = start.byte(NeighborMessage.Offset.flags)
        target = start.uint128(NeighborMessage.Offset.target)
        isRouter = flags & Flag.router != 0
        isSolicited = flags & Flag.solicited != 0
        overrides = flags & Flag.override != 0
        guard start.byte(0) == NeighborMessage.advertisement, start.byte(1) == 0, NeighborMessage.isIntact(ip),
            !Self.isMulticast(target), !(isSolicited && Self.isMulticast(ip.destination)),
            let options = ip.payload.dropping(NeighborMessage.length), NeighborMessage.areWhole(options)
        else { return nil }
        hardware = NeighborMessage.address(NeighborMessage.Option.targetAddress, in: options)
        if hardware?.isGroup == true { return nil }
    }

    private static func isMulticast(_ address: UInt128) -> Bool { address >> 120 == 0xFF }
}

/// What both messages have in common.
private enum NeighborMessage {
    static let solicitation: UInt8 = 135
    static let advertisement: UInt8 = 136
    /// The highest there is: whoever gets it knows that no router has passed it on (RFC 4861 §3.1).
    static let hopLimit: UInt8 = 255
    /// Bytes before the options.
    static let length = 24

    enum Offset {
        static let checksum = 2
        static let flags = 4
        static let target = 8
    }

    enum Option {
        static let sourceAddress: UInt8 = 1
        static let targetAddress: UInt8 = 2
        /// With an Ethernet address in it (RFC 2464 §6).
        static let addressLength = 8
    }

    /// An IPv6 packet with `message`, whose checksum field is zero yet.
    static func packet(_ message: [UInt8], from source: UInt128, to destination: UInt128) -> [UInt8] {
        var message = message
        let checksum = message.withUnsafeBytes { sum(source, destination, $0).folded }
        message.replaceSubrange(Offset.checksum..<Offset.checksum + 2, with: checksum.networkBytes)
        return [0x60, 0, 0, 0]  // version 6, traffic class 0, flow label 0
            + UInt16(message.count).networkBytes + [IPv6View.HeaderNumber.icmp, hopLimit]
            + source.networkBytes + destination.networkBytes + message
    }

    /// Whether the checksum is right.
    static func isIntact(_ ip: IPv6View) -> Bool {
        sum(ip.source, ip.destination, UnsafeRawBufferPointer(start: ip.payload.start, count: ip.payload.count)).folded == 0
    }

    /// Over the pseudo header (RFC 8200 §8.1) and the message.
    private static func sum(_ source: UInt128, _ destination: UInt128, _ message: UnsafeRawBufferPointer) -> InternetChecksum {
        var sum = InternetChecksum()
        sum.add(source)
        sum.add(destination)
        sum.add(UInt32(message.count))
        sum.add(UInt32(IPv6View.HeaderNumber.icmp))
        sum.add(message)
        return sum
    }

    /// Calls `each` with the kind and bytes of each option; false when one has no length or is cut short.
    private static func walk(_ options: PacketBytes, _ each: (UInt8, PacketBytes) -> Void) -> Bool {
        var rest = options
        while rest.count > 0 {
            guard rest.count >= 2, case let length = Int(rest.start.byte(1)) * 8, length > 0, let behind = rest.dropping(length) else {
                return false
            }
            each(rest.start.byte(0), rest.prefix(length))
            rest = behind
        }
        return true
    }

    static func areWhole(_ options: PacketBytes) -> Bool { walk(options) { _, _ in } }

    /// The first Ethernet address in an option of this kind.
    static func address(_ kind: UInt8, in options: PacketBytes) -> HardwareAddress? {
        var address: HardwareAddress?
        _ = walk(options) { found, option in
            guard found == kind, option.count == Option.addressLength, address == nil else { return }
            address = HardwareAddress(at: option.start + 2)
        }
        return address
    }
}
