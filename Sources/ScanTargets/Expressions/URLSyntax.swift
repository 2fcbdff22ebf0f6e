/// URLs, of which the host and the port are a target: `https://host:8443/path` is `host:8443`.
enum URLSyntax {
    /// The longest URL that is looked at.
    private static let longestText = 2048
    /// Where no port is written.
    private static let ports: [String: Int] = ["http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "ssh": 22]

    /// The target that a URL names, as `host:port`; nil for what is no URL. Nothing else of the URL is kept: it may hold secrets.
    static func endpoint(of text: Bytes) throws(SyntaxFault) -> Bytes? {
        guard let (scheme, afterColon) = text.parts(around: Ascii.colon), afterColon.starts(with: [Ascii.slash, Ascii.slash]),
            !scheme.lowercased.hasPrefix("hxxp")
        else { return nil }
        guard text.count <= longestText else {
            throw SyntaxFault(
                at: text.startIndex, "the URL has \(text.count) bytes, \(longestText) are allowed",
                remedy: "write the host alone, or host:port")
        }
        let rest = afterColon.dropFirst(2)
        let authority = rest.prefix { $0 != Ascii.slash && $0 != Ascii.questionMark && $0 != Ascii.numberSign }
        try check(scheme, authority, path: rest[authority.endIndex...])
        let target = try TargetSyntax.parse(authority)
        if target.port != nil { return authority }
        _ = try TargetSyntax.single(target.hosts, in: authority)
        guard let port = ports[scheme.lowercased] else {
            throw SyntaxFault(at: authority.endIndex, "the URL names no port", remedy: "write \(authority.printable):PORT")
        }
        return Bytes("\(String(decoding: authority, as: UTF8.self)):\(port)")
    }

    private static func check(_ scheme: Bytes, _ authority: Bytes, path: Bytes) throws(SyntaxFault) {
        if let index = path.firstIndex(of: Ascii.comma) {
            throw SyntaxFault(
                at: index, "a comma stands in the URL", remedy: "write each target as a word of its own, with spaces between them")
        }
        if let index = authority.firstIndex(of: Ascii.at) {
            throw SyntaxFault(at: index, "the URL holds a user's name", remedy: "write the host alone, or host:port")
        }
        let tail = path.last == Ascii.slash ? path.dropLast() : path
        if tail.dropFirst().isDigits {
            throw SyntaxFault(
                at: path.startIndex, "this may be a URL or a block of addresses",
                remedy: "write \(authority.printable)\(tail.printable) for the block, or host:port")
        }
        if authority.first != Ascii.openBracket, authority.count(where: { $0 == Ascii.colon }) > 1 {
            throw SyntaxFault(
                at: authority.startIndex, "an IPv6 address in a URL stands in brackets", remedy: "write [2001:db8::1]:80")
        }
    }
}
