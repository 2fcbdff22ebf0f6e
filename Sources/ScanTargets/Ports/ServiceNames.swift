/// The names of TCP services, from the text of a services(5) file. The caller reads the file.
package struct ServiceNames: Sendable {
    private var ports: [String: UInt16] = [:]
    private var names: [UInt16: String] = [:]

    /// No names at all.
    package init() {}

    /// Reads lines of the form `name port/tcp [alias…] [# comment]`. Lines of other protocols and lines that make no sense are passed over,
    /// as the C library does. Where a name or a port occurs twice, the first line wins.
    package init(servicesText: String) {
        for line in Bytes(servicesText).lines {
            add(Array(line.withoutComment.words))
        }
    }

    /// The port of a service or of one of its aliases, in upper or lower case.
    package func port(named name: String) -> UInt16? {
        ports[Bytes(name).lowercased]
    }

    /// The service that a port is registered for; never an alias.
    package func name(of port: UInt16) -> String? {
        names[port]
    }

    private mutating func add(_ fields: [Bytes]) {
        guard fields.count >= 2, let port = fields[1].tcpPort else { return }
        let names = (fields.prefix(1) + fields.dropFirst(2)).filter(\.isServiceName)
        for name in names where ports[name.lowercased] == nil { ports[name.lowercased] = port }
        if let name = names.first, self.names[port] == nil { self.names[port] = String(decoding: name, as: UTF8.self) }
    }
}

extension Bytes {
    /// The port in `80/tcp`; nil for other protocols and for what is not a port.
    var tcpPort: UInt16? {
        guard let (port, transport) = parts(around: Ascii.slash), transport.lowercased == "tcp" else { return nil }
        return PortSyntax.port(port)
    }

    /// Visible ASCII only: names reach terminals and logs.
    fileprivate var isServiceName: Bool { allSatisfy { $0 > 0x20 && $0 < 0x7f } }
}
