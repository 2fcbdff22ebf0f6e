extension IPAddress: LosslessStringConvertible {
    /// Reads an address; nil for anything else, white space and zones included.
    ///
    /// IPv4 is four decimal numbers without leading zeros, because `010` means 8 to some programs and 10 to others (RFC 6943 §3.1.1). IPv6
    /// is any form of RFC 4291 §2.2.
    package init?(_ text: String) {
        guard let address = try? AddressSyntax.address(Bytes(text)) else { return nil }
        self = address
    }

    /// A dotted quad, or the canonical text of RFC 5952.
    package var description: String {
        family == .v4 ? IPv4Syntax.text(of: UInt32(truncatingIfNeeded: value)) : IPv6Syntax.text(of: value)
    }
}

extension IPAddress: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let address = IPAddress(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(Bytes(text).printable)\" is not an IP address")
        }
        self = address
    }

    /// Writes the address as one string.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
