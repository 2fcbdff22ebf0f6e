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
        if port.contains(Ascii.colon) { return (.addresses(try addresses(text)), nil, nil) }
        return (try single(try hosts(host), in: host), try PortSyntax.requiredPort(port), nil)
    }

    /// The name of an interface: of at most 15 bytes, none of which is white space or a slash (dev_valid_name in the kernel); nor a comma, which
    /// separates targets.
    private static func zone(_ text: Bytes, of range: AddressRange) throws(SyntaxFault) -> String {
        guard let linkLocal = AddressRange(network: IPAddress(v6: 0xFE80 << 112), prefixLength: 10), linkLocal.contains(range.first),
            linkLocal.contains(range.last)
        else {
            throw SyntaxFault(
                at: text.startIndex, "a zone goes with link-local addresses only, those in fe80::/10",
                remedy: "leave the zone out; --interface chooses one for all targets")
        }
        let isZoneByte = { (byte: UInt8) in
            0x21...0x7E ~= byte && ![Ascii.slash, Ascii.colon, Ascii.percent, Ascii.comma].contains(byte)
        }
        guard 1...15 ~= text.count, text.allSatisfy(isZoneByte) else {
            throw SyntaxFault(at: text.startIndex, "the zone is no interface's name", remedy: "write fe80::1%eth0")
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func hosts(_ text: Bytes) throws(SyntaxFault) -> TargetExpression.Hosts {
        if OctetPattern.isPattern(text) {
            let blocks = try OctetPattern.parse(text)
            return blocks.count == 1 ? .addresses(blocks[0]) : .blocks(blocks)
        }
        if let (host, length) = text.parts(around: Ascii.slash), !HostNameSyntax.looksLikeAddress(host) {
            throw SyntaxFault(
                at: length.startIndex - 1, "a prefix length needs an address, not a name",
                remedy: "write the network's address, as in 192.0.2.0/24")
        }
        return HostNameSyntax.looksLikeAddress(text) ? .addresses(try addresses(text)) : .name(try HostNameSyntax.parse(text))
    }

    /// Addresses, also `a - b` with spaces, networks with a netmask, and IPv4-mapped ones as what they map (RFC 4291 §2.5.5.2): no packet may carry them as they are.
    private static func addresses(_ text: Bytes) throws(SyntaxFault) -> AddressRange {
        if text.contains(where: \.isBlank), let (first, last) = text.parts(around: Ascii.hyphen) {
            return try AddressSyntax.range(from: first.trimmed, through: last.trimmed).unmapped
        }
        if let (network, mask) = text.parts(around: Ascii.slash), mask.contains(Ascii.dot), !network.contains(Ascii.colon) {
            let address = try AddressSyntax.address(network)
            return AddressRange(network: address, prefixLength: try IPv4Mask.length(of: mask, behind: address)) ?? AddressRange(address)
        }
        try checkMappedNetwork(text)
        return try AddressSyntax.range(text).unmapped
    }

    /// `::ffff:192.0.2.0/24` has IPv6's bits, so it would be `::/24`, where the 24 bits of the IPv4 network are meant.
    private static func checkMappedNetwork(_ text: Bytes) throws(SyntaxFault) {
        guard let (network, length) = text.parts(around: Ascii.slash), network.contains(Ascii.colon), length.isDigits,
            let bits = Int(String(decoding: length, as: UTF8.self)), bits < 96, let number = try? IPv6Syntax.parse(network),
            number >> 32 == 0xffff
        else { return }
        let mapped = IPAddress(v4: UInt32(truncatingIfNeeded: number))
        throw SyntaxFault(
            at: length.startIndex, "of an IPv4-mapped address the first \(bits) bits are ::/\(bits)",
            remedy: bits <= 32 ? "write \(mapped)/\(bits), or ::ffff:\(mapped)/\(bits + 96)" : "write the IPv4 network")
    }

    /// `[a]:port`, or `[a]` alone (RFC 3986 §3.2.2).
    private static func bracketed(_ text: Bytes) throws(SyntaxFault) -> Target {
        guard let (inside, after) = text.dropFirst().parts(around: Ascii.closeBracket) else {
            throw SyntaxFault(at: text.endIndex, "the closing bracket is missing", remedy: "write [2001:db8::1]:80")
        }
        let (number, zoneText) = inside.parts(around: Ascii.percent).map { ($0.0, Optional($0.1)) } ?? (inside, nil)
        let address = IPAddress(v6: try IPv6Syntax.parse(number))
        let zone = try zoneText.map { text throws(SyntaxFault) in try Self.zone(text, of: AddressRange(address)) }
        let hosts = TargetExpression.Hosts.addresses(AddressRange(address).unmapped)
        guard let next = after.first else { return (hosts, nil, zone) }
        guard next == Ascii.colon else {
            throw SyntaxFault(
                at: after.startIndex, "only a colon and a port may follow the bracket",
                remedy: "write [\(address)]:80, or a network without brackets")
        }
        return (hosts, try PortSyntax.requiredPort(after.dropFirst()), zone)
    }

    static func single(_ hosts: TargetExpression.Hosts, in text: Bytes) throws(SyntaxFault) -> TargetExpression.Hosts {
        switch hosts {
        case .name: return hosts
        case .addresses(let range) where range.first == range.last: return hosts
        case .addresses, .blocks:
            throw SyntaxFault(
                at: text.endIndex, "a port goes with a single address or a name", remedy: "give the ports of a range apart from it")
        }
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
        guard !text.allSatisfy({ $0.isDigit || $0 == Ascii.dot || $0 == Ascii.slash || $0 == Ascii.hyphen }) else { return }
        try checkDefanged(text)
        guard !OctetPattern.isPattern(text) else { return }
        // What stands behind a zone's sign is looked at with the zone.
        let (plain, _) = text.parts(around: Ascii.percent) ?? (text, text)
        guard let index = plain.firstIndex(where: { !$0.isTargetByte && !$0.isBlank }) ?? misplacedBlank(in: plain) else { return }
        guard text[index] < 0x80, text[index] != 0 else {
            throw Typography.fault(at: index, in: text, what: "a target", letters: remedyForLetters(in: text))
        }
        throw SyntaxFault(at: index, "\"\(text[index...].firstEscaped)\" does not belong in a target", remedy: remedy(for: text[index]))
    }

    /// The first white space that does not stand beside the hyphen of a range.
    private static func misplacedBlank(in text: Bytes) -> Int? {
        guard let first = text.firstIndex(where: \.isBlank) else { return nil }
        guard let (before, after) = text.parts(around: Ascii.hyphen) else { return first }
        let (lower, upper) = (before.trimmed, after.trimmed)
        return text.indices.first { text[$0].isBlank && ($0 < lower.endIndex || $0 >= upper.startIndex) }
    }

    /// `10[.]0[.]0[.]1` and `hxxp://`, as reports of attacks write what nobody is to click on by mistake.
    private static func checkDefanged(_ text: Bytes) throws(SyntaxFault) {
        guard
            text.contains(where: { $0 == Ascii.openBracket || $0 == UInt8(ascii: "(") || $0 == UInt8(ascii: "{") })
                || text.dropFirst().first == UInt8(ascii: "x")
        else { return }
        let (spellings, lowercased) = (["[.]", "(.)", "{.}", "[dot]", "(dot)", "[:]", "[://]"], text.lowercased)
        guard lowercased.hasPrefix("hxxp") || spellings.contains(where: lowercased.contains) else { return }
        var plain = lowercased
        for spelling in spellings.dropLast(2) { plain = plain.replacing(spelling, with: ".") }
        plain = plain.replacing("[:]", with: ":").replacing("[://]", with: "://").replacing("hxxp", with: "http")
        throw SyntaxFault(
            at: text.startIndex, "this is defanged, written so that nobody follows it by mistake", remedy: "write \(Bytes(plain).printable)"
        )
    }

    private static func remedy(for byte: UInt8) -> String {
        switch byte {
        case Ascii.comma: "write each target as a word of its own, with spaces between them"
        case Ascii.semicolon: "write each target as a word of its own; a comment begins with # or, behind white space, with ;"
        case Ascii.asterisk: "write a network, a range or a pattern of four numbers, as in 192.0.2.0/24, 192.0.2.1-20 or 192.0.2.*"
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"): "write it without quotation marks"
        default: "write an address, a network, a range or a name"
        }
    }

    /// A letter that is not ASCII has an ASCII form in names, and none in addresses.
    private static func remedyForLetters(in text: Bytes) -> String {
        let isAddress = text.contains(Ascii.colon) || !text.contains(where: \.isLetter) && text.contains(where: \.isDigit)
        return isAddress
            ? "write addresses with plain ASCII letters and digits"
            : "write an international name in its ASCII form, which begins with xn--"
    }
}

extension AddressRange {
    /// The IPv4 addresses that these map, where all of them are IPv4-mapped; else the same.
    fileprivate var unmapped: AddressRange {
        guard first.family == .v6, first.value >> 32 == 0xffff, last.value >> 32 == 0xffff else { return self }
        let lower = IPAddress(v4: UInt32(truncatingIfNeeded: first.value))
        return AddressRange(first: lower, last: IPAddress(v4: UInt32(truncatingIfNeeded: last.value))) ?? self
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
