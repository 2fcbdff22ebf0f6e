/// What an IPv4 probe asks: a port of an address, from a port.
package struct ProbeAim: BitwiseCopyable {
    private let bits: UInt64

    @inline(__always)
    package init(_ destination: UInt32, _ port: UInt16, from sourcePort: UInt16) {
        bits = UInt64(destination) | UInt64(port) &<< 32 | UInt64(sourcePort) &<< 48
    }

    @inline(__always)
    package var destination: UInt32 { UInt32(truncatingIfNeeded: bits) }

    @inline(__always)
    package var port: UInt16 { UInt16(truncatingIfNeeded: bits &>> 32) }

    @inline(__always)
    package var sourcePort: UInt16 { UInt16(truncatingIfNeeded: bits &>> 48) }
}
