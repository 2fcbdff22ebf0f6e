/// Numbers in network byte order at fixed offsets. The views check a packet's length once, then no access can fail.
extension UnsafeRawPointer {
    @inline(__always)
    package func byte(_ offset: Int) -> UInt8 {
        load(fromByteOffset: offset, as: UInt8.self)
    }

    @inline(__always)
    func uint16(_ offset: Int) -> UInt16 {
        UInt16(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @inline(__always)
    func uint32(_ offset: Int) -> UInt32 {
        UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inline(__always)
    func uint128(_ offset: Int) -> UInt128 {
        UInt128(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt128.self))
    }
}

extension UnsafeMutableRawPointer {
    @inline(__always)
    package func put(_ value: UInt8, at offset: Int) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    @inline(__always)
    package func put(_ value: UInt16, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    @inline(__always)
    package func put(_ value: UInt32, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }

    @inline(__always)
    package func put(_ value: UInt128, at offset: Int) {
        storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt128.self)
    }
}

extension FixedWidthInteger {
    /// The number as it stands on the wire, most significant byte first.
    package var networkBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}

/// A stretch of captured bytes, valid while the packet callback runs.
package struct PacketBytes {
    package let start: UnsafeRawPointer
    package let count: Int

    package init?(_ buffer: UnsafeRawBufferPointer) {
        guard let start = buffer.baseAddress else { return nil }
        self.start = start
        count = buffer.count
    }

    private init(start: UnsafeRawPointer, count: Int) {
        self.start = start
        self.count = count
    }

    /// What follows the first `offset` bytes, nil when there are fewer.
    @inline(__always)
    func dropping(_ offset: Int) -> PacketBytes? {
        guard offset >= 0, offset <= count else { return nil }
        return PacketBytes(start: start + offset, count: count - offset)
    }

    /// At most the first `length` bytes.
    @inline(__always)
    package func prefix(_ length: Int) -> PacketBytes {
        PacketBytes(start: start, count: max(0, min(count, length)))
    }
}
