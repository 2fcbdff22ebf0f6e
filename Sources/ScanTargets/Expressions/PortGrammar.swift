/// The grammar behind `PortExpression`, with the names that it may look up.
struct PortGrammar {
    private static let longestText = 1 << 20

    let services: ServiceNames

    func parse(_ text: Bytes) throws(SyntaxFault) -> PortSet {
        guard text.count <= Self.longestText else { throw tooLong(text) }
        var included: [ClosedRange<UInt16>] = []
        var excluded: [ClosedRange<UInt16>] = []
        var exclusionStarts: [Int] = []
        for part in text.items {
            let item = try withoutProtocol(part.trimmed)
            if item.first == Ascii.exclamationMark {
                excluded.append(try range(item.dropFirst().trimmed))
                exclusionStarts.append(item.startIndex)
            } else {
                included.append(try range(item))
            }
        }
        guard !included.isEmpty else { throw nothingIncluded(at: text.startIndex) }
        let ports = PortSet(included)
        let rest = ports.subtracting(PortSet(excluded))
        guard rest.isEmpty else { return rest }
        let culprit = excluded.lastIndexOfShortestPrefix { ports.subtracting(PortSet($0)).isEmpty }
        throw nothingLeft(at: exclusionStarts[culprit])
    }

    // MARK: - One item

    private func range(_ item: Bytes) throws(SyntaxFault) -> ClosedRange<UInt16> {
        guard item.contains(where: { !$0.isDigit && $0 != Ascii.hyphen }) else { return try numbers(item) }
        if let range = PortClass(rawValue: item.lowercased)?.range { return range }
        if let port = services.port(named: String(decoding: item, as: UTF8.self)) { return port...port }
        throw unknown(item)
    }

    /// `80`, `1-1024`, `-1024`, `60000-`, `-`.
    private func numbers(_ item: Bytes) throws(SyntaxFault) -> ClosedRange<UInt16> {
        guard let (first, last) = item.parts(around: Ascii.hyphen) else {
            let port = try PortSyntax.requiredPort(item)
            return port...port
        }
        let lower = first.isEmpty ? 1 : try PortSyntax.requiredPort(first)
        let upper = last.isEmpty ? UInt16.max : try PortSyntax.requiredPort(last)
        guard lower <= upper else {
            throw SyntaxFault(
                at: last.startIndex, "the last port \(upper) comes before the first, \(lower)",
                remedy: "write the lower port first: \(upper)-\(lower)")
        }
        return lower...upper
    }

    /// Takes nmap's `T:` away, and the `/tcp` that results have, and refuses the protocols that a SYN scan cannot reach.
    private func withoutProtocol(_ item: Bytes) throws(SyntaxFault) -> Bytes {
        if let (ports, name) = item.parts(around: Ascii.slash) {
            switch name.lowercased {
            case "tcp": return try withoutProtocol(ports.trimmed)
            case "udp": throw unsupported("UDP", at: item.startIndex)
            case "sctp": throw unsupported("SCTP", at: item.startIndex)
            default: throw unknown(item)
            }
        }
        guard let (name, ports) = item.parts(around: Ascii.colon) else { return item }
        switch name.lowercased {
        case "t": return ports.trimmed
        case "u": throw unsupported("UDP", at: item.startIndex)
        case "s": throw unsupported("SCTP", at: item.startIndex)
        case "p": throw unsupported("IP protocol", at: item.startIndex)
        default: throw unknown(item)
        }
    }

    // MARK: - Faults

    private func tooLong(_ text: Bytes) -> SyntaxFault {
        SyntaxFault(
            at: text.startIndex, "the ports take \(text.count) bytes, \(Self.longestText) are allowed", remedy: "write ranges, as in 1-1024"
        )
    }

    private func unsupported(_ transport: String, at offset: Int) -> SyntaxFault {
        SyntaxFault(at: offset, "\(transport) scans are not possible, synscan finds open TCP ports", remedy: "leave these ports out")
    }

    private func unknown(_ item: Bytes) -> SyntaxFault {
        if let index = item.firstIndex(where: { $0 >= 0x7f || $0 < 0x20 }), item[index] >= 0x80 || item[index] == 0 {
            return Typography.fault(at: index, in: item, what: "a list of ports", letters: "write the port's number, from 1 to 65535")
        }
        let isSeveral = item.contains { $0.isBlank || $0 == Ascii.semicolon }
        return SyntaxFault(
            at: item.startIndex, "\"\(item.printable)\" is neither a port nor a TCP service that this machine knows by name",
            remedy: isSeveral ? "write commas between the numbers of ports" : "write the port's number, from 1 to 65535")
    }

    private func nothingIncluded(at offset: Int) -> SyntaxFault {
        SyntaxFault(
            at: offset, "there are only exclusions", remedy: "write what they are taken out of, as in \"-,!25\" for all ports but 25")
    }

    private func nothingLeft(at offset: Int) -> SyntaxFault {
        SyntaxFault(at: offset, "this exclusion leaves no port to scan", remedy: "take out less, or add ports")
    }
}
