package import ScanTargets

/// Bounds on how often one host and one network are asked.
///
/// The order is random, so a pass asks each host as often a second as is its share of the pass's targets. A bound on the pass therefore bounds
/// every host. Nothing needs to be put off, and nothing takes longer for it: the greatest host needs its targets divided by the cap in any
/// case, and all others are done by then. For a moment more may leave, a tenth of a second's worth for a host and a second's for a network.
package struct RateCaps: Sendable {
    /// Probes a second to one address, and to one network: a /24 (RFC 4632), or a /64 of IPv6.
    package struct Limits: Sendable, Equatable {
        package var perHost: Int
        package var perNetwork: Int

        package init(perHost: Int, perNetwork: Int) {
            self.perHost = perHost
            self.perNetwork = perNetwork
        }
    }

    /// How many targets of a pass lie in one place at most.
    package struct Density: Sendable, Equatable {
        package var targets: Int
        package var greatestHost: Int
        package var greatestNetwork: Int

        package init(targets: Int, greatestHost: Int, greatestNetwork: Int) {
            self.targets = targets
            self.greatestHost = greatestHost
            self.greatestNetwork = greatestNetwork
        }
    }

    private struct Bucket {
        let cap: Double
        /// Seconds' worth that may leave at once.
        let burst: Double
        /// Probes a second of the whole pass; above 0.
        var rate: Double
        /// Seconds' worth that is left.
        var level: Double

        init(cap: Int, burst: Double) {
            self.cap = Double(cap)
            self.burst = burst
            rate = self.cap
            level = burst
        }

        /// However little may leave at once, one probe may.
        mutating func fill(_ seconds: Double) {
            level = min(max(burst, 1 / rate), level + seconds)
        }
    }

    private var host: Bucket
    private var network: Bucket
    private var last: Int64

    package init(_ limits: Limits, now: Int64) {
        // The order only asks evenly on average: what is left open is for that.
        host = Bucket(cap: limits.perHost, burst: 0.1)
        network = Bucket(cap: limits.perNetwork, burst: 1)
        last = now
    }

    /// A pass begins.
    package mutating func begin(_ density: Density) {
        // A pass that asks nobody is through at once.
        let targets = Double(max(1, density.targets))
        host.rate = host.cap * targets / Double(max(1, density.greatestHost))
        network.rate = network.cap * targets / Double(max(1, density.greatestNetwork))
    }

    /// What the bounds come to for the pass, probes a second.
    package var rate: Double { min(host.rate, network.rate) }

    /// The most that the pass can keep up, probes a second; more while there is something left of what may leave at once.
    package var sustained: Double {
        let isUsedUp = (host: host.level < host.burst / 4, network: network.level < network.burst / 4)
        return min(isUsedUp.host ? host.rate : .infinity, isUsedUp.network ? network.rate : .infinity)
    }

    /// How many probes may leave now.
    package mutating func permitted(now: Int64) -> Int {
        let passed = Double(max(0, now - last)) / 1e9
        last = now
        host.fill(passed)
        network.fill(passed)
        return Int(min(host.level * host.rate, network.level * network.rate, 1e9))
    }

    /// Notes that `count` probes left.
    package mutating func spend(_ count: Int) {
        host.level -= Double(count) / host.rate
        network.level -= Double(count) / network.rate
    }

    /// Nanoseconds until another probe may leave, or some where that is soon.
    package var delay: Int64 {
        func wait(_ bucket: Bucket) -> Double { max(0, 1 / bucket.rate - bucket.level) }
        return Int64(min(1, max(wait(host), wait(network))) * 1e9)
    }
}

extension RateCaps.Density {
    /// That of a whole selection, from above: the greatest of hosts × ports and the greatest of the single targets may be the same place.
    package init(of selection: TargetSelection) {
        let ports = selection.ports.count
        let endpoints = selection.endpoints
        self.init(
            targets: Int(clamping: selection.targetCount), greatestHost: ports + (endpoints.groups.lazy.map(\.ports.count).max() ?? 0),
            greatestNetwork: Int(
                clamping: min(Self.mostInOneNetwork(selection.hosts), 1 << 64) * UInt128(ports)
                    + UInt128(Self.mostInOneNetwork(endpoints))))
    }

    /// The most endpoints of one network.
    private static func mostInOneNetwork(_ endpoints: EndpointSet) -> Int {
        var (most, count, last) = (0, 0, UInt128.max)
        for (address, ports) in endpoints.groups {
            count = address.network == last ? count + ports.count : ports.count
            last = address.network
            most = max(most, count)
        }
        return most
    }

    /// The most addresses of one network.
    private static func mostInOneNetwork(_ addresses: AddressSet) -> UInt128 {
        var (most, network, count) = (UInt128(0), UInt128.max, UInt128(0))
        for range in addresses.ranges {
            let size = UInt128(1) << UInt128(range.first.hostBits)
            let (first, last) = (range.first.network, range.last.network)
            let inFirst = first == last ? range.count : size - range.first.value % size
            count = first == network ? count + inFirst : inFirst
            most = max(most, count)
            // A range that has a whole one.
            if last > first + 1 { most = max(most, size) }
            if last != first { count = range.last.value % size + 1 }
            most = max(most, count)
            network = last
        }
        return most
    }
}

extension IPAddress {
    /// In one network so many bits tell the hosts apart: it is a /24, or a /64 (RFC 4291 §2.5.4).
    fileprivate var hostBits: Int { family == .v4 ? 8 : 64 }

    /// The number of the address's network, different for both families.
    fileprivate var network: UInt128 { value >> UInt128(hostBits) | (family == .v4 ? 0 : 1 << 127) }
}

/// Counts how the targets of a pass are spread, from above: places that share a counter count as one.
package struct DensityCounter {
    private var hosts: [UInt32]
    private var networks: [UInt32]
    private let shift: Int
    package private(set) var density = RateCaps.Density(targets: 0, greatestHost: 0, greatestNetwork: 0)

    /// For at most so many addresses: four counters for each, at most 65,536.
    package init(addresses: Int) {
        let width = min(16, max(8, Int.bitWidth - addresses.leadingZeroBitCount + 2))
        hosts = [UInt32](repeating: 0, count: 1 << width)
        networks = [UInt32](repeating: 0, count: 1 << width)
        shift = UInt64.bitWidth - width
    }

    package mutating func add(_ address: IPAddress) {
        density.targets += 1
        density.greatestHost = max(density.greatestHost, Self.count(&hosts, address.value, shift))
        density.greatestNetwork = max(density.greatestNetwork, Self.count(&networks, address.network, shift))
    }

    private static func count(_ counters: inout [UInt32], _ value: UInt128, _ shift: Int) -> Int {
        let folded = UInt64(truncatingIfNeeded: value ^ value >> 64)
        let hash = (folded &+ 1) &* 0x9E37_79B9_7F4A_7C15
        let slot = Int(truncatingIfNeeded: hash >> shift)
        counters[slot] &+= 1
        return Int(counters[slot])
    }
}
