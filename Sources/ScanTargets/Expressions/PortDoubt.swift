/// Notices IPv6 addresses whose last group may be meant as a port, beside targets that have one: `2001:db8::1:22` beside `192.0.2.1:22`.
package struct PortDoubt: Sendable {
    private var hasPort = false
    private var first: (text: String, location: String?)?

    package init() {}

    package mutating func note(_ target: TargetExpression, location: @autoclosure () -> String? = nil) {
        if target.port != nil { hasPort = true }
        guard first == nil, Self.reading(of: target) != nil else { return }
        first = (target.text, location())
    }

    /// Throws where both have been seen.
    package func check() throws(ExpressionError) {
        guard hasPort, let first, let target = try? TargetExpression(parsing: first.text), let reading = Self.reading(of: target) else {
            return
        }
        throw ExpressionError(
            asked: first.text, problem: "beside targets with a port this may be an address or port \(reading.port) of \(reading.host)",
            remedy: "write [\(reading.host)]:\(reading.port) for the port, or [\(first.text)] for the address", location: first.location)
    }

    /// What else a target may be that was read as an address.
    private static func reading(of target: TargetExpression) -> (host: String, port: String)? {
        guard target.port == nil, target.zone == nil, case .addresses(let range) = target.hosts, range.first == range.last,
            range.first.family == .v6
        else { return nil }
        let text = Bytes(target.text)
        guard let colon = text.lastIndex(of: Ascii.colon), text.first != Ascii.openBracket,
            PortSyntax.port(text[(colon + 1)...]) != nil, (try? IPv6Syntax.parse(text[..<colon])) != nil
        else { return nil }
        return (String(decoding: text[..<colon], as: UTF8.self), String(decoding: text[(colon + 1)...], as: UTF8.self))
    }
}
