import ScanTargets

/// Finds the hardware addresses of neighbours: asks for each of them, paced, and again for those that have not answered.
struct NeighborSweep {
    /// More addresses than that on one link are left to the kernel.
    static let mostAddresses: UInt128 = 1 << 22
    /// Questions a second at most: each is a broadcast, which every host on the link has to look at.
    static let mostRate = 10_000.0
    /// How long answers are waited for after each time that all were asked; ns. A device that sleeps between its access point's beacons may take
    /// most of a second.
    private static let patience: [Int64] = [300_000_000, 500_000_000, 1_000_000_000]
    /// So long the kernel may have no room; after more than that, what was asked before is asked again; ns.
    static let patienceWithKernel: Int64 = 500_000_000
    private static let longestPause: Int64 = 2_000_000

    /// What has answered so far.
    private(set) var found: [IPAddress: HardwareAddress]
    /// Addresses for which two different neighbours answered, with the second's hardware address.
    private(set) var duplicates: [IPAddress: HardwareAddress] = [:]
    /// Those for which so far only somebody has answered who does not insist (RFC 4861 §7.2.5): a proxy.
    private var tentative: Set<IPAddress> = []

    private let addresses: AddressSet
    private let socket: NeighborSocket
    private var pacer: Pacer
    private var rate: Double

    /// What a sweep needs to know of the run that it is part of.
    struct Surroundings {
        /// Waits so many nanoseconds; true as long as packets may leave, false to give up.
        let pause: (Int64) -> Bool
        /// Whether the address may be asked for by now.
        let mayAsk: (IPAddress) -> Bool
        /// Probes a second at present.
        let rate: () -> Double
        /// The kernel has had no room for long, or has it again.
        let noteBlockade: (Bool) -> Void
    }

    /// `known` are those of `addresses` that need not be asked.
    init(_ socket: NeighborSocket, _ addresses: AddressSet, known: [IPAddress: HardwareAddress]) {
        (self.socket, self.addresses) = (socket, addresses)
        found = known.filter { addresses.contains($0.key) }
        rate = Self.mostRate
        pacer = Pacer(rate: rate, batch: 64, now: SteadyClock.nanoseconds())
    }

    /// Asks for all. Throws when the interface is gone or down.
    mutating func run(_ run: Surroundings) throws(EngineError) {
        var turn = 0
        while turn < Self.patience.count {
            guard let (last, isWhole) = try ask(run) else { return }
            guard last > 0 else { return }
            while case let rest = last + Self.patience[turn] - SteadyClock.nanoseconds(), rest > 0, UInt128(found.count) < addresses.count {
                guard run.pause(min(rest, Self.longestPause)) else { return }
                take()
            }
            if isWhole { turn += 1 }
        }
    }

    /// Asks once for all that are not known: when the last question left, 0 where there was none, and whether all of them surely did. Nil to give up.
    private mutating func ask(_ run: Surroundings) throws(EngineError) -> (last: Int64, isWhole: Bool)? {
        var last: Int64 = 0
        var isWhole = true
        for range in addresses.ranges {
            var next: IPAddress? = range.first
            while let address = next, address <= range.last {
                next = address.next
                guard found[address] == nil else { continue }
                guard waitForTurn(run) else { return nil }
                guard run.mayAsk(address) else { continue }
                guard let wasPrompt = try ask(for: address, run) else { return nil }
                if !wasPrompt { isWhole = false }
                last = SteadyClock.nanoseconds()
            }
        }
        return (last, isWhole)
    }

    /// Whether the kernel took the question without much delay; nil to give up.
    private mutating func ask(for address: IPAddress, _ run: Surroundings) throws(EngineError) -> Bool? {
        let start = SteadyClock.nanoseconds()
        var isBlocked = false
        while try !socket.ask(address) {
            if !isBlocked, SteadyClock.nanoseconds() - start > Self.patienceWithKernel {
                isBlocked = true
                run.noteBlockade(true)
            }
            guard run.pause(Self.longestPause) else { return nil }
            take()
        }
        if isBlocked { run.noteBlockade(false) }
        return !isBlocked
    }

    private mutating func waitForTurn(_ run: Surroundings) -> Bool {
        var now = SteadyClock.nanoseconds()
        let wanted = min(run.rate(), Self.mostRate)
        if wanted != rate {
            rate = wanted
            pacer.change(rate: rate, now: now)
        }
        while pacer.permitted(now: now) == 0 {
            guard run.pause(min(pacer.delay(now: now), Self.longestPause)) else { return false }
            take()
            now = SteadyClock.nanoseconds()
        }
        pacer.spend(1, now: now)
        return true
    }

    private mutating func take() {
        socket.take { answer in
            guard addresses.contains(answer.address) else { return }
            let before = found[answer.address]
            if before == nil || answer.insists && tentative.contains(answer.address) {
                found[answer.address] = answer.hardware
                if answer.insists { tentative.remove(answer.address) } else { tentative.insert(answer.address) }
            } else if before != answer.hardware, answer.insists {
                duplicates[answer.address] = answer.hardware
            }
        }
    }
}
