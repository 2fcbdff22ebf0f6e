/// The grammar of one target: addresses or a name, and for a single host a port after a colon.
enum TargetSyntax {
    typealias Target = (hosts: TargetExpression.Hosts, port: UInt16?, zone: String?)

    /// Longer than the longest name with a port and the longest range of IPv6 addresses.
    private static let longestText = 300

    static func parse(_ text: Bytes) throws(SyntaxFault) -> Target {
        try check(text)
        if text.first == Ascii.openBracket { return try bracketed(text) }
        if let (addresses, zone) = text.parts(around: Ascii.percent) {
            let range = try AddressSyntax.range(addresses)
            return (.addresses(range), nil, try Self.zone(zone, of: range))
        }
        guard let (host, port) = text.parts(around: Ascii.colon) else { return (try hosts(text), nil, nil) }
        // A second colon means IPv6, where only brackets can tell a port from a last group.
        if port.contains(Ascii.colon) { return (.addresses(try AddressSyntax.range(text)), nil, nil) }
        return (try single(try hosts(host), in: host), try PortSyntax.requiredPort(port), nil)
    }

    /// The name of an interface: of at most 15 bytes, none of which is white space or a slash (dev_valid_name in the kernel).
    private static func zone(_ text: Bytes, of range: AddressRange) throws(SyntaxFault) -> String {
        guard let linkLocal = AddressRange(network: IPAddress(v6: 0xFE80 << 112), prefixLength: 10), linkLocal.contains(range.first),
            linkLocal.contains(range.last)
        else {
            throw SyntaxFault(
                at: text.startIndex, "a zone goes with link-local addresses only, those in fe80::/10",
                remedy: "leave the zone out; --interface chooses one for all targets")
        }
        guard 1...15 ~= text.count, text.allSatisfy({ 0x21...0x7E ~= $0 && $0 != Ascii.slash && $0 != Ascii.colon && $0 != Ascii.percent })
        else {
            throw SyntaxFault(at: text.startIndex, "the zone is no interface's name", remedy: "write fe80::1%eth0")
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func hosts(_ text: Bytes) throws(SyntaxFault) -> TargetExpression.Hosts {
        if let (host, length) = text.parts(around: Ascii.slash), !HostNameSyntax.looksLikeAddress(host) {
            throw SyntaxFault(
                at: length.startIndex - 1, "a prefix length needs an address, not a name",
                remedy: "write the network's address, as in 192.0.2.0/24")
        }
        return HostNameSyntax.looksLikeAddress(text) ? .addresses(try AddressSyntax.range(text)) : .name(try HostNameSyntax.parse(text))
    }

    /// `[a]:port`, or `[a]` alone (RFC 3986 §3.2.2).
    private static func bracketed(_ text: Bytes) throws(SyntaxFault) -> Target {
        guard let (inside, after) = text.dropFirst().parts(around: Ascii.closeBracket) else {
            throw SyntaxFault(at: text.endIndex, "the closing bracket is missing", remedy: "write [2001:db8::1]:80")
        }
        let (number, zoneText) = inside.parts(around: Ascii.percent).map { ($0.0, Optional($0.1)) } ?? (inside, nil)
        let address = IPAddress(v6: try IPv6Syntax.parse(number))
        let zone = try zoneText.map { text throws(SyntaxFault) in try Self.zone(text, of: AddressRange(address)) }
        guard let next = after.first else { return (.addresses(AddressRange(address)), nil, zone) }
        guard next == Ascii.colon else {
            throw SyntaxFault(
                at: after.startIndex, "only a colon and a port may follow the bracket",
                remedy: "write [\(address)]:80, or a network without brackets")
        }
        return (.addresses(AddressRange(address)), try PortSyntax.requiredPort(after.dropFirst()), zone)
    }

    private static func single(_ hosts: TargetExpression.Hosts, in text: Bytes) throws(SyntaxFault) -> TargetExpression.Hosts {
        if case .addresses(let range) = hosts, range.first != range.last {
            throw SyntaxFault(
                at: text.endIndex, "a port goes with a single address or a name", remedy: "give the ports of a range apart from it")
        }
        return hosts
    }

    /// Refuses what no form of a target holds, with a remedy for each habit that leads there.
    private static func check(_ text: Bytes) throws(SyntaxFault) {
        guard !text.isEmpty else {
            throw SyntaxFault(at: text.startIndex, "the target is empty", remedy: "write an address, a network, a range or a name")
        }
        guard text.count <= longestText else {
            throw SyntaxFault(
                at: text.startIndex, "the target has \(text.count) bytes, \(longestText) are allowed",
                remedy: "put white space between targets")
        }
        if let (scheme, rest) = text.parts(around: Ascii.colon), rest.starts(with: [Ascii.slash, Ascii.slash]) {
            throw SyntaxFault(at: scheme.endIndex, "a URL is not a target", remedy: "write the host alone, or host:port")
        }
        // What stands behind a zone's sign is looked at with the zone.
        let (plain, _) = text.parts(around: Ascii.percent) ?? (text, text)
        guard let index = plain.firstIndex(where: { !$0.isTargetByte }) else { return }
        throw SyntaxFault(at: index, "\"\(text[index...].firstEscaped)\" does not belong in a target", remedy: remedy(for: text[index...]))
    }

    private static func remedy(for text: Bytes) -> String {
        switch text.first {
        case Ascii.comma: "write each target as a word of its own, with spaces between them"
        case Ascii.asterisk: "write a network or a range, as in 192.0.2.0/24 or 192.0.2.1-20"
        case .some(0x80...): "write an international name in its ASCII form, which begins with xn--"
        default: "write an address, a network, a range or a name"
        }
    }
}

extension UInt8 {
    fileprivate var isTargetByte: Bool {
        switch self {
        case Ascii.dot, Ascii.colon, Ascii.hyphen, Ascii.slash, Ascii.underscore, Ascii.openBracket, Ascii.closeBracket: true
        default: isLetter || isDigit
        }
    }
}
