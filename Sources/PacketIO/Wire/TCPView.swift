/// A TCP header (RFC 9293) whose length has been checked.
struct TCPView {
    static let minimumLength = 20

    enum Offset {
        package static let sourcePort = 0
        package static let destinationPort = 2
        package static let sequence = 4
        package static let acknowledgment = 8
        package static let dataOffset = 12
        package static let flags = 13
        package static let window = 14
        package static let checksum = 16
    }

    package enum Flag {
        package static let syn: UInt8 = 0x02
        package static let rst: UInt8 = 0x04
        package static let ack: UInt8 = 0x10
        /// All but those of congestion.
        package static let control: UInt8 = 0x3F
    }

    package enum Option {
        package static let end: UInt8 = 0
        static let noOperation: UInt8 = 1
        package static let maximumSegmentSize: UInt8 = 2
    }

    private let segment: PacketBytes

    @inline(__always)
    init?(_ segment: PacketBytes) {
        guard segment.count >= Self.minimumLength else { return nil }
        self.segment = segment
    }

    package var sourcePort: UInt16 { segment.start.uint16(Offset.sourcePort) }
    package var destinationPort: UInt16 { segment.start.uint16(Offset.destinationPort) }
    package var sequence: UInt32 { segment.start.uint32(Offset.sequence) }
    package var acknowledgment: UInt32 { segment.start.uint32(Offset.acknowledgment) }
    package var flags: UInt8 { segment.start.byte(Offset.flags) }
    package var window: UInt16 { segment.start.uint16(Offset.window) }

    /// The maximum segment size that the options announce.
    package var maximumSegmentSize: UInt16? {
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
