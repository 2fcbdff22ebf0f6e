/// One address and one TCP port; sorts by address, then port.
package struct Endpoint: Hashable, Sendable {
    package var address: IPAddress
    package var port: UInt16

    package init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}

extension Endpoint: Comparable {
    package static func < (left: Endpoint, right: Endpoint) -> Bool {
        left.address == right.address ? left.port < right.port : left.address < right.address
    }
}

extension Endpoint: LosslessStringConvertible {
    /// Reads `192.0.2.1:80` or `[2001:db8::1]:80`; nil for anything else, port 0 included.
    package init?(_ text: String) {
        guard let (hosts, port, zone) = try? TargetSyntax.parse(Bytes(text)), let port, zone == nil else { return nil }
        guard case .addresses(let range) = hosts, range.first == range.last else { return nil }
        self.init(address: range.first, port: port)
    }

    /// `192.0.2.1:80` or `[2001:db8::1]:80` (RFC 5952 §6).
    package var description: String {
        address.family == .v4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    }
}
