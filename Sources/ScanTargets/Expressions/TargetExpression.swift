/// One target as a person writes it, before names are resolved: an address, a network, a range, a name, or a single host with a port.
///
/// | form | example |
/// |---|---|
/// | address | `192.0.2.1`, `2001:db8::1` |
/// | network, host bits cut off | `192.0.2.0/24`, `2001:db8::/64` |
/// | range | `192.0.2.1-192.0.2.20`, `2001:db8::1-2001:db8::20` |
/// | last numbers of a range, IPv4 only | `192.0.2.1-20` |
/// | link-local, with its interface | `fe80::1%eth0`, `fe80::/120%eth0` |
/// | name (RFC 1123, underscores allowed) | `host.example` |
/// | one host with a port | `192.0.2.1:80`, `[2001:db8::1]:80`, `host.example:80` |
///
/// What an address parser may take for an address (`1.2.3`, `0x7f000001`, `host.1`) is never a name: it is an error here, so that no
/// resolver reads something else into it.
package struct TargetExpression: Hashable, Sendable {
    package enum Hosts: Hashable, Sendable {
        case addresses(AddressRange)
        /// In lower case, not resolved.
        case name(String)
    }

    package let hosts: Hosts
    /// The port after the colon, never 0; nil where the job's ports apply.
    package let port: UInt16?
    /// The interface on whose link the addresses are, only with link-local ones (RFC 4007 §11).
    package let zone: String?
    /// The expression as it was written.
    package let text: String

    /// Reads one expression. White space is not part of any form.
    package init(parsing text: String) throws(ExpressionError) {
        try self.init(Bytes(text))
    }

    /// - Parameter location: where `bytes` come from, for the error. Asked for only when there is one.
    init(_ bytes: Bytes, location: @autoclosure () -> String? = nil) throws(ExpressionError) {
        do {
            (hosts, port, zone) = try TargetSyntax.parse(bytes)
        } catch {
            throw ExpressionError(asked: bytes, fault: error, location: location())
        }
        text = String(decoding: bytes, as: UTF8.self)
    }
}

extension TargetExpression: CustomStringConvertible {
    package var description: String { text }
}
