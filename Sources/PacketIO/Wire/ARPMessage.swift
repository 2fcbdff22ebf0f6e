package import ScanCore

/// An ARP request or reply for IPv4 over Ethernet (RFC 826).
package struct ARPMessage: Equatable, Sendable {
    package enum Operation: UInt16, Sendable {
        case request = 1
        case reply = 2
    }

    private static let length = 28

    private enum Offset {
        static let operation = 6
        static let senderHardware = 8
        static let sender = 14
        static let targetHardware = 18
        static let target = 24
    }

    /// How every message for IPv4 over Ethernet begins: hardware 1, protocol, and the lengths of their addresses.
    private static let beginning: [UInt8] = [0, 1] + EtherType.ipv4.networkBytes + [UInt8(HardwareAddress.size), 4]

    package let operation: Operation
    /// Whoever sent it has this hardware address and this IPv4 address; 0 while it asks whether the address that it wants is free (RFC 5227 §2.1.1).
    package let senderHardware: HardwareAddress
    package let sender: UInt32
    /// Zero in a request.
    package let targetHardware: HardwareAddress
    package let target: UInt32

    package init(
        _ operation: Operation, from sender: UInt32, _ senderHardware: HardwareAddress, to target: UInt32, _ targetHardware: HardwareAddress
    ) {
        self.operation = operation
        (self.sender, self.senderHardware) = (sender, senderHardware)
        (self.target, self.targetHardware) = (target, targetHardware)
    }

    /// The question who has `target`. The sender's addresses are this machine's own: others may learn from them.
    package static func request(for target: UInt32, from sender: UInt32, _ hardware: HardwareAddress) -> ARPMessage {
        ARPMessage(.request, from: sender, hardware, to: target, .zero)
    }

    /// The message in a captured Ethernet frame, behind any VLAN tags; nil for anything but a whole one, and for one that claims that
    /// the sender has the hardware address of a group (RFC 1812 §3.3.2).
    package init?(ethernet frame: PacketBytes) {
        guard let (type, message) = EtherType.payload(of: frame), type == EtherType.arp, message.count >= Self.length else { return nil }
        let start = message.start
        guard Self.beginning.elementsEqual(UnsafeRawBufferPointer(start: start, count: Self.beginning.count)),
            let operation = Operation(rawValue: start.uint16(Offset.operation))
        else { return nil }
        let sender = HardwareAddress(at: start + Offset.senderHardware)
        if sender.isGroup { return nil }
        self.init(
            operation, from: start.uint32(Offset.sender), sender,
            to: start.uint32(Offset.target), HardwareAddress(at: start + Offset.targetHardware))
    }

    /// The Ethernet frame that asks everybody on the link, or answers whoever asked.
    package var frame: [UInt8] {
        let destination = operation == .request ? HardwareAddress.broadcast : targetHardware
        return EtherType.header(to: destination, from: senderHardware, EtherType.arp)
            + Self.beginning + operation.rawValue.networkBytes
            + senderHardware.bytes + sender.networkBytes
            + targetHardware.bytes + target.networkBytes
    }
}
