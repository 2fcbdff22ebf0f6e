import ScanTargets

/// Finds the hardware addresses of neighbours: asks for each of them, paced, and again for those that have not answered.
struct NeighborSweep {
    /// More addresses than that on one link are left to the kernel.
    static let mostAddresses: UInt128 = 1 << 22
    /// Questions a second at most: each is a broadcast, which every host on the link has to look at.
    private static let mostRate = 10_000.0
    /// How long answers are waited for after each time that all were asked; ns. A device that sleeps between its access point's beacons may take
    /// most of a second.
    private static let patience: [Int64] = [300_000_000, 500_000_000, 1_000_000_000]

    /// What has answered so far.
    private(set) var found: [IPAddress: HardwareAddress]
    /// Addresses for which two different neighbours answered, with the second's hardware address.
    private(set) var duplicates: [IPAddress: HardwareAddress] = [:]

    private let socket: NeighborSocket
    private var pacer: Pacer

    /// `known` are those that need not be asked.
    init(_ socket: NeighborSocket, known: [IPAddress: HardwareAddress], rate: Double) {
        self.socket = socket
        found = known
        pacer = Pacer(rate: min(rate, Self.mostRate), batch: 64, now: SteadyClock.nanoseconds())
    }

    /// Asks for all of `addresses`. `pause` is called at least every few milliseconds, with how long it should wait (ns): true as long as packets
    /// may leave, false to give up. Throws when the interface does not take them.
    mutating func run(_ addresses: AddressSet, _ pause: (Int64) throws(EngineError) -> Bool) throws(EngineError) {
        for patience in Self.patience {
            var last: Int64 = 0
            for range in addresses.ranges {
                var next: IPAddress? = range.first
                while let address = next, address <= range.last {
                    next = address.next
                    guard found[address] == nil else { continue }
                    guard try waitForTurn(pause) else { return }
                    try socket.ask(address)
                    last = SteadyClock.nanoseconds()
                }
            }
            guard last > 0 else { return }
            while case let rest = last + patience - SteadyClock.nanoseconds(), rest > 0 {
                guard try pause(min(rest, 2_000_000)) else { return }
                take(addresses)
                if UInt128(found.count) >= addresses.count, addresses.ranges.allSatisfy({ isFound($0) }) { return }
            }
        }
    }

    private func isFound(_ range: AddressRange) -> Bool {
        var next: IPAddress? = range.first
        while let address = next, address <= range.last {
            if found[address] == nil { return false }
            next = address.next
        }
        return true
    }

    private mutating func waitForTurn(_ pause: (Int64) throws(EngineError) -> Bool) throws(EngineError) -> Bool {
        var now = SteadyClock.nanoseconds()
        while pacer.permitted(now: now) == 0 {
            guard try pause(min(pacer.delay(now: now), 2_000_000)) else { return false }
            take(nil)
            now = SteadyClock.nanoseconds()
        }
        pacer.spend(1, now: now)
        return true
    }

    private mutating func take(_ addresses: AddressSet?) {
        socket.take { address, hardware in
            guard let before = found[address] else {
                found[address] = hardware
                return
            }
            if before != hardware { duplicates[address] = hardware }
        }
    }
}
