/// Single targets, sorted by address, then port, and numbered from 0 in this order.
///
/// Kept address by address, and addresses that have the same ports share them: a thousand hosts that lose a port of 65,535 take as much memory as a
/// thousand addresses. Values are immutable and may be read from any thread.
package struct EndpointSet: Hashable, Sendable {
    /// An address with its ports: those of `portSets` with this number.
    private struct Row: Hashable {
        let address: IPAddress
        let ports: UInt32
    }

    /// Sorted by address; none is without ports.
    private let rows: [Row]
    /// All different, in the order in which the rows need them first.
    private let portSets: [PortSet]
    /// How many endpoints stand before each row.
    private let offsets: [Int]
    package let count: Int

    package init() {
        self.init(Builder())
    }

    /// Duplicates and endpoints with port 0 fall out.
    package init(_ endpoints: [Endpoint]) {
        let sorted = endpoints.sorted()
        var builder = Builder()
        var rest = sorted[...]
        while let first = rest.first {
            let group = rest.prefix { $0.address == first.address }
            if group.last == first {
                builder.append(first.address, first.port)
            } else {
                builder.append(first.address, PortSet(group.lazy.map { $0.port...$0.port }))
            }
            rest = rest[group.endIndex...]
        }
        self.init(builder)
    }

    /// Addresses with their ports; in any order, one more than once means all that is said of it.
    init(_ groups: [(address: IPAddress, ports: PortSet)]) {
        var builder = Builder()
        var rest = groups.sorted { $0.address < $1.address }[...]
        while let first = rest.first {
            let group = rest.prefix { $0.address == first.address }
            builder.append(first.address, group.dropFirst().reduce(first.ports) { $0.union($1.ports) })
            rest = rest[group.endIndex...]
        }
        self.init(builder)
    }

    private init(_ builder: Builder) {
        (rows, portSets, offsets, count) = (builder.rows, builder.portSets, builder.offsets, builder.count)
    }

    /// Takes addresses in ascending order, each once.
    private struct Builder {
        var rows: [Row] = []
        var portSets: [PortSet] = []
        var offsets: [Int] = []
        var count = 0
        private var numbers: [PortSet: UInt32] = [:]
        /// The numbers of those with one port: most lists have no others.
        private var singles: [UInt16: UInt32] = [:]

        mutating func append(_ address: IPAddress, _ port: UInt16) {
            guard port != 0 else { return }
            guard let number = singles[port] else { return append(address, PortSet([port...port])) }
            append(address, number, count: 1)
        }

        mutating func append(_ address: IPAddress, _ ports: PortSet) {
            guard let first = ports.ranges.first?.lowerBound else { return }
            let known = ports.count == 1 ? singles[first] : numbers[ports]
            let number = known ?? UInt32(portSets.count)
            if known == nil {
                portSets.append(ports)
                if ports.count == 1 { singles[first] = number } else { numbers[ports] = number }
            }
            append(address, number, count: ports.count)
        }

        private mutating func append(_ address: IPAddress, _ number: UInt32, count: Int) {
            rows.append(Row(address: address, ports: number))
            offsets.append(self.count)
            self.count += count
        }
    }

    package var isEmpty: Bool { rows.isEmpty }

    package static func == (left: EndpointSet, right: EndpointSet) -> Bool {
        left.rows == right.rows && left.portSets == right.portSets
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(rows)
        hasher.combine(portSets)
    }

    package var addresses: AddressSet { AddressSet(rows.lazy.map { AddressRange($0.address) }) }

    /// The ports that any of them has.
    package var ports: PortSet { PortSet(portSets.lazy.flatMap(\.ranges)) }

    /// Each address with its ports, in ascending order.
    package var groups: some Collection<(address: IPAddress, ports: PortSet)> {
        rows.lazy.map { ($0.address, portSets[Int($0.ports)]) }
    }

    /// The addresses that have the same ports, for each of these.
    package var groupsByPorts: [(addresses: AddressSet, ports: PortSet)] {
        var builders = [AddressSet.Builder](repeating: AddressSet.Builder(), count: portSets.count)
        for row in rows { builders[Int(row.ports)].insert(AddressRange(row.address)) }
        return zip(builders, portSets).map { ($0.set, $1) }
    }
}

// MARK: - Look-up

extension EndpointSet {
    /// The endpoint with this number; nil outside 0..<count.
    package func endpoint(at index: Int) -> Endpoint? {
        guard 0..<count ~= index, let row = offsets.sortedIndex(ofLastNotAbove: index) else { return nil }
        return portSets[Int(rows[row].ports)].port(at: index - offsets[row]).map { Endpoint(address: rows[row].address, port: $0) }
    }

    /// The number of the endpoint; nil when it is none of these.
    package func index(of endpoint: Endpoint) -> Int? {
        guard let row = row(of: endpoint.address) else { return nil }
        return portSets[Int(rows[row].ports)].index(of: endpoint.port).map { offsets[row] + $0 }
    }

    /// The ports of this address, none where it is none of these.
    package func ports(of address: IPAddress) -> PortSet {
        row(of: address).map { portSets[Int(rows[$0].ports)] } ?? PortSet()
    }

    private func row(of address: IPAddress) -> Int? {
        var (low, high) = (0, rows.count)
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].address < address { low = middle + 1 } else { high = middle }
        }
        return low < rows.count && rows[low].address == address ? low : nil
    }
}
