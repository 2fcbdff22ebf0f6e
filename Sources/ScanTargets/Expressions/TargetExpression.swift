/// One target as a person writes it, before names are resolved: addresses, a name, or a single host with a port.
///
/// | form | example |
/// |---|---|
/// | address; IPv4-mapped ones are IPv4 | `192.0.2.1`, `2001:db8::1`, `::ffff:192.0.2.1` |
/// | network, host bits cut off | `192.0.2.0/24`, `192.0.2.0/255.255.255.0`, `2001:db8::/64` |
/// | range, also with spaces around its hyphen | `192.0.2.1-192.0.2.20`, `2001:db8::1 - 2001:db8::20` |
/// | last numbers of a range, IPv4 only | `192.0.2.1-20` |
/// | nmap's pattern, at most 65,536 blocks | `192.0.2-3.1,5`, `10.0.*.1-9` |
/// | link-local, with its interface | `fe80::1%eth0`, `fe80::/120%eth0` |
/// | name (RFC 1123, underscores allowed) | `host.example` |
/// | one host with a port | `192.0.2.1:80`, `[2001:db8::1]:80`, `host.example:80` |
/// | a URL is the port of its host | `https://host.example:8443/`, `http://192.0.2.1` |
///
/// What an address parser may take for an address (`1.2.3`, `0x7f000001`, `host.1`) is never a name: it is an error here, so that no
/// resolver reads something else into it. Several targets between commas are read by `each`.
package struct TargetExpression: Hashable, Sendable {
    package enum Hosts: Hashable, Sendable {
        case addresses(AddressRange)
        /// The separate blocks of a pattern, two or more.
        case blocks([AddressRange])
        /// In lower case, not resolved.
        case name(String)
    }

    package let hosts: Hosts
    /// The port after the colon, never 0; nil where the job's ports apply.
    package let port: UInt16?
    /// The interface on whose link the addresses are, only with link-local ones (RFC 4007 §11).
    package let zone: String?
    /// The expression as it was written; of a URL, its host and port.
    package let text: String

    /// The ranges of an expression that is no name.
    package var ranges: [AddressRange] {
        switch hosts {
        case .name: []
        case .addresses(let range): [range]
        case .blocks(let ranges): ranges
        }
    }

    /// Reads one expression. White space stands around the hyphen of a range alone.
    package init(parsing text: String) throws(ExpressionError) {
        try self.init(Bytes(text))
    }

    /// - Parameter location: where `bytes` come from, for the error. Asked for only when there is one.
    init(_ bytes: Bytes, location: @autoclosure () -> String? = nil) throws(ExpressionError) {
        do {
            let plain = try URLSyntax.endpoint(of: bytes) ?? bytes
            (hosts, port, zone) = try TargetSyntax.parse(plain)
            text = String(decoding: plain, as: UTF8.self)
        } catch {
            throw ExpressionError(asked: bytes, fault: error, location: location())
        }
    }
}

extension TargetExpression: CustomStringConvertible {
    package var description: String { text }
}
