/// A TCP header (RFC 9293) whose length has been checked.
struct TCPView {
    static let minimumLength = 20

    enum Offset {
        static let sourcePort = 0
        static let destinationPort = 2
        static let sequence = 4
        static let acknowledgment = 8
        static let dataOffset = 12
        static let flags = 13
        static let window = 14
        static let checksum = 16
    }

    enum Flag {
        static let syn: UInt8 = 0x02
        static let rst: UInt8 = 0x04
        static let ack: UInt8 = 0x10
        /// All but those of congestion.
        static let control: UInt8 = 0x3F
    }

    enum Option {
        static let end: UInt8 = 0
        static let noOperation: UInt8 = 1
        static let maximumSegmentSize: UInt8 = 2
    }

    private let segment: PacketBytes

    @inline(__always)
    init?(_ segment: PacketBytes) {
        guard segment.count >= Self.minimumLength else { return nil }
        self.segment = segment
    }

    var sourcePort: UInt16 { segment.start.uint16(Offset.sourcePort) }
    var destinationPort: UInt16 { segment.start.uint16(Offset.destinationPort) }
    var sequence: UInt32 { segment.start.uint32(Offset.sequence) }
    var acknowledgment: UInt32 { segment.start.uint32(Offset.acknowledgment) }
    var flags: UInt8 { segment.start.byte(Offset.flags) }
    var window: UInt16 { segment.start.uint16(Offset.window) }

    /// The maximum segment size that the options announce.
    var maximumSegmentSize: UInt16? {
        let end = min(Int(segment.start.byte(Offset.dataOffset) &>> 4) &* 4, segment.count)
        var offset = Self.minimumLength
        while offset + 1 < end {
            let kind = segment.start.byte(offset)
            if kind == Option.end { return nil }
            if kind == Option.noOperation {
                offset += 1
                continue
            }
            let length = Int(segment.start.byte(offset + 1))
            guard length >= 2, offset + length <= end else { return nil }
            if kind == Option.maximumSegmentSize { return length == 4 ? segment.start.uint16(offset + 2) : nil }
            offset += length
        }
        return nil
    }
}
