extension TargetSelection {
    /// The form's name and version; a later form gets another one.
    private static let version = "v1"

    /// The selection as one line of ASCII without loss, for the store: `v1;10.0.0.0/24,10.0.1.5;22,80-90;10.0.2.1=443 2001:db8::1=22,80`,
    /// that is version, hosts, ports, and the endpoints of each address.
    package var encoded: String {
        let fields = [Self.version, hosts.ranges.map(\.description).joined(separator: ","), ports.description, encodedEndpoints]
        return fields.joined(separator: ";")
    }

    /// Reads what `encoded` wrote; nil for anything else. Meant for text of the store's own: a few bytes may stand for 65,535 endpoints.
    package init?(encoded text: String) {
        let fields = Bytes(text).split(separator: Ascii.semicolon, maxSplits: 4, omittingEmptySubsequences: false)
        guard fields.count == 4, fields[0].elementsEqual(Self.version.utf8) else { return nil }
        guard let hosts = Self.decodedHosts(fields[1]), let ports = PortSet(fields[2]) else { return nil }
        guard let endpoints = Self.decodedEndpoints(fields[3]) else { return nil }
        self.init(hosts: hosts, ports: ports, endpoints: endpoints)
    }

    private var encodedEndpoints: String {
        var items: [String] = []
        var rest = endpoints[...]
        while let address = rest.first?.address {
            let group = rest.prefix { $0.address == address }
            items.append("\(address)=\(PortSet(group.map { $0.port...$0.port }))")
            rest = rest.dropFirst(group.count)
        }
        return items.joined(separator: " ")
    }

    private static func decodedHosts(_ text: Bytes) -> AddressSet? {
        guard !text.isEmpty else { return AddressSet() }
        var ranges: [AddressRange] = []
        for item in text.items {
            guard let range = try? AddressSyntax.range(item) else { return nil }
            ranges.append(range)
        }
        return AddressSet(ranges)
    }

    private static func decodedEndpoints(_ text: Bytes) -> [Endpoint]? {
        var endpoints: [Endpoint] = []
        for item in text.words {
            guard let (before, after) = item.parts(around: Ascii.equals) else { return nil }
            guard let address = try? AddressSyntax.address(before), let ports = PortSet(after) else { return nil }
            endpoints += ports.map { Endpoint(address: address, port: $0) }
        }
        return endpoints
    }
}
