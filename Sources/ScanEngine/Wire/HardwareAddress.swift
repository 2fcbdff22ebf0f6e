/// An Ethernet address (EUI-48).
package struct HardwareAddress: Hashable, Sendable, CustomStringConvertible {
    package static let size = 6

    package let bytes: [UInt8]

    /// Nil unless there are exactly six bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.size else { return nil }
        self.bytes = Array(bytes)
    }

    /// `02:00:5e:10:00:01`
    package var description: String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined(separator: ":")
    }
}
