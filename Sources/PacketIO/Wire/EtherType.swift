import ScanCore

/// What an Ethernet frame carries (IEEE 802.3, 802.1Q).
enum EtherType {
    static let ipv4: UInt16 = 0x0800
    static let arp: UInt16 = 0x0806
    static let ipv6: UInt16 = 0x86DD
    /// IEEE 802 leaves it to local experiments.
    static let experimental: UInt16 = 0x88B5

    /// Two addresses and the type.
    static let headerLength = 14
    private static let offset = 12
    private static let tagLength = 4

    /// The type and payload of `frame`, behind any VLAN tags; nil when it is cut short before.
    @inline(__always)
    static func payload(of frame: PacketBytes) -> (type: UInt16, payload: PacketBytes)? {
        guard frame.count >= headerLength else { return nil }
        var type = frame.start.uint16(offset)
        var start = headerLength
        // Two tags are the most that IEEE 802.1ad knows.
        while isTag(type), start < headerLength &+ 2 &* tagLength, frame.count >= start &+ tagLength {
            type = frame.start.uint16(start &+ 2)
            start &+= tagLength
        }
        return frame.dropping(start).map { (type, $0) }
    }

    /// What stands before a payload of this type.
    static func header(to destination: HardwareAddress, from source: HardwareAddress, _ type: UInt16) -> [UInt8] {
        destination.bytes + source.bytes + type.networkBytes
    }

    private static func isTag(_ type: UInt16) -> Bool {
        switch type {
        case 0x8100, 0x88A8, 0x9100: true
        default: false
        }
    }
}
