extension TargetSelection {
    /// The form's name and version; a later form gets another one.
    private static let version = "v2"
    /// In the first one every item of the endpoints has one address.
    private static let readable = ["v1", version]

    /// The selection as one line of ASCII without loss, for the store: `v2;10.0.0.0/24,10.0.1.5;22,80-90;10.0.2.1,10.0.2.9=443 2001:db8::1=22,80`,
    /// that is version, hosts, ports, and the endpoints, those of addresses with the same ports together.
    package var encoded: String {
        [Self.version, Self.encoded(hosts), ports.description, encodedEndpoints].joined(separator: ";")
    }

    /// Reads what `encoded` wrote; nil for anything else. Meant for text of the store's own.
    package init?(encoded text: String) {
        let fields = Bytes(text).split(separator: Ascii.semicolon, maxSplits: 4, omittingEmptySubsequences: false)
        guard fields.count == 4, Self.readable.contains(where: { fields[0].elementsEqual($0.utf8) }) else { return nil }
        guard let hosts = Self.decodedAddresses(fields[1]), let ports = PortSet(fields[2]) else { return nil }
        guard let endpoints = Self.decodedEndpoints(fields[3]) else { return nil }
        let outside = endpoints.groups.map { hosts.contains($0.address) ? ($0.address, $0.ports.subtracting(ports)) : $0 }
        self.init(hosts: hosts, ports: ports, outside: EndpointSet(outside))
    }

    private static func encoded(_ addresses: AddressSet) -> String {
        // One text from the start: there may be millions of ranges.
        var text = ""
        text.reserveCapacity(addresses.ranges.count * (addresses.only(.v6).isEmpty ? 16 : 40))
        for range in addresses.ranges { text += text.isEmpty ? range.description : ",\(range)" }
        return text
    }

    private var encodedEndpoints: String {
        endpoints.groupsByPorts.map { "\(Self.encoded($0.addresses))=\($0.ports)" }.joined(separator: " ")
    }

    private static func decodedAddresses(_ text: Bytes) -> AddressSet? {
        guard !text.isEmpty else { return AddressSet() }
        var builder = AddressSet.Builder()
        for item in text.items {
            guard let range = try? AddressSyntax.range(item) else { return nil }
            builder.insert(range)
        }
        return builder.set
    }

    private static func decodedEndpoints(_ text: Bytes) -> EndpointSet? {
        var groups: [(address: IPAddress, ports: PortSet)] = []
        for item in text.words {
            guard let (before, after) = item.parts(around: Ascii.equals) else { return nil }
            guard let addresses = decodedAddresses(before), !addresses.isEmpty, let ports = PortSet(after) else { return nil }
            // No block: each address was written because it was there.
            guard addresses.count <= UInt128(encodedLimit) else { return nil }
            for number in 0..<UInt64(addresses.count) {
                guard let address = addresses.address(at: number) else { return nil }
                groups.append((address, ports))
            }
        }
        return EndpointSet(groups)
    }

    /// More addresses with endpoints than any request has.
    private static let encodedLimit = 1 << 27
}
