/// Ports as a person writes them: items between commas, each one optionally with white space around it.
///
/// | item | means |
/// |---|---|
/// | `80` | one port |
/// | `1-1024`, `-1024`, `60000-` | a range; an open end reaches to 1 or 65535 |
/// | `-` | all ports |
/// | `https` | the port of a service, in upper or lower case |
/// | `well-known`, `registered`, `dynamic` | a class of RFC 6335, without port 0 |
/// | `!item` | what is taken out again, wherever it stands |
///
/// nmap's protocol prefix `T:` is accepted in front of any item, and `/tcp` behind it, as in results; other protocols are refused.
package enum PortExpression {
    /// Reads a port expression of at most 1 MiB, more than all ports one by one need.
    ///
    /// Throws for port 0, ports above 65535, reversed ranges, unknown names, empty items, and when nothing is left after the exclusions.
    package static func parse(_ text: String, services: ServiceNames) throws(ExpressionError) -> PortSet {
        let bytes = Bytes(text)
        do {
            return try PortGrammar(services: services).parse(bytes)
        } catch {
            throw ExpressionError(asked: bytes, fault: error)
        }
    }
}
