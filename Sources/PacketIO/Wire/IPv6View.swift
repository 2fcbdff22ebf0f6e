/// An IPv6 header and the extension headers behind it (RFC 8200 §3, §4), whose lengths have been checked.
struct IPv6View {
    static let headerLength = 40

    enum Offset {
        static let payloadLength = 4
        static let nextHeader = 6
        static let hopLimit = 7
        static let source = 8
        static let destination = 24
    }

    /// What follows a header (IANA's protocol numbers).
    enum HeaderNumber {
        static let hopByHop: UInt8 = 0
        static let tcp: UInt8 = 6
        static let routing: UInt8 = 43
        static let fragment: UInt8 = 44
        static let authentication: UInt8 = 51
        static let icmp: UInt8 = 58
        static let destinationOptions: UInt8 = 60

        /// Whether it is that of an extension header, which is stepped over.
        static func isExtension(_ number: UInt8) -> Bool {
            switch number {
            case hopByHop, routing, fragment, authentication, destinationOptions: true
            default: false
            }
        }
    }

    private let packet: PacketBytes
    /// The number of what stands behind the last extension header.
    let protocolNumber: UInt8
    /// What the packet carries, behind the last extension header.
    let payload: PacketBytes

    /// Nil for anything but a whole IPv6 header with whole extension headers; also for a fragment that is not the first of its packet, because
    /// only that one starts with a transport header. Ethernet's padding is cut off by the payload length.
    init?(_ packet: PacketBytes) {
        guard packet.count >= Self.headerLength else { return nil }
        self.init(quoted: packet.prefix(Self.headerLength + Int(packet.start.uint16(Offset.payloadLength))))
    }

    /// The same for a packet that an ICMPv6 error quotes, and may have cut anywhere: its payload length says nothing.
    init?(quoted packet: PacketBytes) {
        guard packet.count >= Self.headerLength, packet.start.byte(0) &>> 4 == 6, let behind = packet.dropping(Self.headerLength),
            let (number, payload) = Self.walk(packet.start.byte(Offset.nextHeader), behind)
        else { return nil }
        (self.packet, protocolNumber, self.payload) = (packet, number, payload)
    }

    var source: UInt128 { packet.start.uint128(Offset.source) }
    var destination: UInt128 { packet.start.uint128(Offset.destination) }
    var hopLimit: UInt8 { packet.start.byte(Offset.hopLimit) }
    /// Whether nothing stands between the header and the payload.
    var isPlain: Bool { packet.start.byte(Offset.nextHeader) == protocolNumber }
}

extension IPv6View {
    /// RFC 8200 §4.1 wants each kind at most once, destination options twice; more than twice that is nobody's answer.
    private static let mostExtensions = 12
    /// The shortest extension header.
    private static let shortestExtension = 8

    /// Steps over the extension headers from the one numbered `number`, at the start of `bytes`, to what is none.
    private static func walk(_ number: UInt8, _ bytes: PacketBytes) -> (number: UInt8, payload: PacketBytes)? {
        var (number, rest) = (number, bytes)
        for _ in 0...mostExtensions {
            guard HeaderNumber.isExtension(number) else { return (number, rest) }
            guard rest.count >= shortestExtension, let length = extensionLength(number, rest.start), let behind = rest.dropping(length)
            else { return nil }
            (number, rest) = (rest.start.byte(0), behind)
        }
        return nil
    }

    /// The bytes of an extension header of which the first eight are there; nil for the header of a later fragment.
    private static func extensionLength(_ number: UInt8, _ header: UnsafeRawPointer) -> Int? {
        switch number {
        case HeaderNumber.fragment: header.uint16(2) &>> 3 == 0 ? shortestExtension : nil
        // In words of four bytes, two of them not counted (RFC 4302 §2.2).
        case HeaderNumber.authentication: (Int(header.byte(1)) &+ 2) &* 4
        // In words of eight bytes, one of them not counted.
        default: (Int(header.byte(1)) &+ 1) &* 8
        }
    }
}
