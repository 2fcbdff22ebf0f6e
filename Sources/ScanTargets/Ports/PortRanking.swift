/// TCP ports ordered by how often they are open, the most common first.
package struct PortRanking: Sendable {
    /// Where the order comes from, for people.
    package let source: String
    /// The most common port first, each port once.
    package let ports: [UInt16]

    /// Reads the text of nmap's services file: lines of the form `http 80/tcp 0.484143 [# comment]`, frequency last. Higher frequencies
    /// come first, equal ones in the order of their ports.
    ///
    /// Lines of other protocols, and lines that make no sense, are passed over. Nil when no line is left.
    ///
    /// - Parameter source: what to call the file, for people.
    package init?(nmapServicesText: String, source: String) {
        var frequencies: [UInt16: Double] = [:]
        for line in Bytes(nmapServicesText).lines {
            let fields = Array(line.withoutComment.words)
            guard fields.count >= 3, let port = fields[1].tcpPort, let frequency = fields[2].frequency else { continue }
            frequencies[port] = max(frequency, frequencies[port] ?? 0)
        }
        guard !frequencies.isEmpty else { return nil }
        let ranked = frequencies.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        self.init(source: source, ports: ranked.map(\.key))
    }

    /// Callers guarantee that no port occurs twice.
    init(source: String, ports: [UInt16]) {
        self.source = source
        self.ports = ports
    }

    /// The `n` most common ports, or all there are.
    package func top(_ n: Int) -> PortSet {
        PortSet(ports.prefix(max(n, 0)).map { $0...$0 })
    }
}

extension Bytes {
    /// A share from 0 to 1, nil for anything else.
    fileprivate var frequency: Double? {
        guard let value = Double(String(decoding: self, as: UTF8.self)), (0...1).contains(value) else { return nil }
        return value
    }
}
