package import ScanCore
package import ScanTargets

/// Finds the hardware addresses of neighbours: asks for each of them, paced, and again for those that have not answered, until as few can be missing
/// as the goal asks.
package struct NeighborSweep {
    /// More addresses than that on one link are left to the kernel.
    static let mostAddresses: UInt128 = 1 << 22
    /// Questions a second at most: each is a broadcast, which every host on the link has to look at.
    static let mostRate = 10_000.0
    /// How long answers are waited for after each turn; ns. A device that sleeps between its access point's beacons may take most of a second, so one
    /// of the first turns does; the others measure what is lost by the same patience.
    private static let patience: [Int64] = [300_000_000, 500_000_000, 1_000_000_000]
    private static let laterPatience: Int64 = 300_000_000
    /// So long the kernel may have no room; after more than that, what was asked before is asked again; ns.
    package static let patienceWithKernel: Int64 = 500_000_000
    private static let longestPause: Int64 = 2_000_000

    /// What has answered so far.
    package private(set) var found: [IPAddress: HardwareAddress]
    /// Addresses for which two different neighbours answered, with the second's hardware address.
    package private(set) var duplicates: [IPAddress: HardwareAddress] = [:]
    /// Those for which so far only somebody has answered who does not insist (RFC 4861 §7.2.5): a proxy.
    private var tentative: Set<IPAddress> = []
    /// How sure it is that nobody is missing.
    package private(set) var evidence = NeighborEvidence()
    private var canaries: NeighborCanaries

    private let addresses: AddressSet
    private let socket: NeighborSocket
    private let goal: Double?
    private let seed: UInt64
    private var pacer: Pacer
    private var rate: Double

    /// What a sweep needs to know of the run that it is part of.
    package struct Surroundings {
        /// Waits so many nanoseconds; true as long as packets may leave, false to give up.
        package let pause: (Int64) -> Bool
        /// Whether the address may be asked for by now.
        package let mayAsk: (IPAddress) -> Bool
        /// Probes a second at present.
        package let rate: () -> Double
        /// The kernel has had no room for long, or has it again.
        package let noteBlockade: (Bool) -> Void

        package init(
            pause: @escaping (Int64) -> Bool, mayAsk: @escaping (IPAddress) -> Bool, rate: @escaping () -> Double,
            noteBlockade: @escaping (Bool) -> Void
        ) {
            (self.pause, self.mayAsk, self.rate, self.noteBlockade) = (pause, mayAsk, rate, noteBlockade)
        }
    }

    /// `known` are those of `addresses` that need not be asked; `goal` is the share of the others that must be found, nil: what the fewest turns find.
    package init(_ socket: NeighborSocket, _ addresses: AddressSet, known: [IPAddress: HardwareAddress], goal: Double?, seed: UInt64) {
        (self.socket, self.addresses, self.goal, self.seed) = (socket, addresses, goal, seed)
        found = known.filter { addresses.contains($0.key) }
        canaries = NeighborCanaries(seed: seed)
        rate = Self.mostRate
        pacer = Pacer(rate: rate, batch: 64, now: SteadyClock.nanoseconds())
    }

    /// Asks for all. Throws when the interface is gone or down.
    package mutating func run(_ run: Surroundings) throws(EngineError) {
        repeat {
            let before = found.count
            canaries.begin(turn: evidence.turns.count)
            guard let (last, isWhole) = try ask(run), last > 0 else { return }
            guard try wait(until: last + patience, run) else { return }
            // What may never have left says nothing.
            guard isWhole else { continue }
            let silent = Int(clamping: addresses.count - min(addresses.count, UInt128(found.count)))
            evidence.note(found: found.count - before, silent: silent, canaries: canaries.counts)
            // That takes some milliseconds.
            guard run.pause(0) else { return }
        } while !evidence.isEnough(for: goal, seed: seed)
    }

    private var patience: Int64 {
        evidence.turns.count < Self.patience.count ? Self.patience[evidence.turns.count] : Self.laterPatience
    }

    /// Waits for answers, and asks more canaries meanwhile; false to give up.
    private mutating func wait(until end: Int64, _ run: Surroundings) throws(EngineError) -> Bool {
        let start = SteadyClock.nanoseconds()
        while case let rest = end - SteadyClock.nanoseconds(), rest > 0, UInt128(found.count) < addresses.count {
            guard run.pause(min(rest, Self.longestPause)) else { return false }
            take()
            // The last ones must have the time to be answered.
            if SteadyClock.nanoseconds() - start < (end - start) / 2, try !askCanary(run) { return false }
        }
        return true
    }

    /// Asks once for all that are not known: when the last question left, 0 where there was none, and whether all of them surely did. Nil to give up.
    private mutating func ask(_ run: Surroundings) throws(EngineError) -> (last: Int64, isWhole: Bool)? {
        var last: Int64 = 0
        var isWhole = true
        let unknown = addresses.count - min(addresses.count, UInt128(found.count))
        let between = max(1, Int(clamping: unknown / UInt128(NeighborCanaries.most)))
        var untilCanary = between
        var passedOver = 0
        for range in addresses.ranges {
            var next: IPAddress? = range.first
            while let address = next, address <= range.last {
                next = address.next
                guard found[address] == nil else {
                    passedOver += 1
                    // A look at the clock now and then.
                    guard passedOver % 4096 != 0 || run.pause(0) else { return nil }
                    continue
                }
                guard waitForTurn(run) else { return nil }
                guard run.mayAsk(address) else { continue }
                guard let wasPrompt = try ask(for: address, run) else { return nil }
                if !wasPrompt { isWhole = false }
                last = SteadyClock.nanoseconds()
                untilCanary -= 1
                if untilCanary == 0 {
                    untilCanary = between
                    guard try askCanary(run) else { return nil }
                }
            }
        }
        return (last, isWhole)
    }

    /// Asks for somebody who is known, where it is time; false to give up.
    private mutating func askCanary(_ run: Surroundings) throws(EngineError) -> Bool {
        guard goal != nil, let address = canaries.next(), run.mayAsk(address) else { return true }
        guard waitForTurn(run) else { return false }
        guard let wasPrompt = try ask(for: address, run) else { return false }
        if wasPrompt { canaries.noteAsked(address) }
        return true
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
            canaries.noteAnswer(answer.address)
            let before = found[answer.address]
            if before == nil || answer.insists && tentative.contains(answer.address) {
                found[answer.address] = answer.hardware
                if before == nil { canaries.noteFound(answer.address) }
                if answer.insists { tentative.remove(answer.address) } else { tentative.insert(answer.address) }
            } else if before != answer.hardware, answer.insists {
                duplicates[answer.address] = answer.hardware
            }
        }
    }
}

/// Whom of those that have answered a turn asks again, and who of them answers again.
struct NeighborCanaries {
    /// So many questions a turn, to as many neighbours; where there are fewer, several to each, one after another has been answered.
    static let most = 64
    private static let fewest = 32

    /// Everybody who was found, in that order, and by which turn.
    private var known: [(address: IPAddress, turn: Int)] = []
    private var turns: [IPAddress: Int] = [:]
    private var turn = 0
    /// Of the turn under way: how often each was asked, and who has not answered since.
    private var asked: [IPAddress: ProbeCount] = [:]
    private var pending: Set<IPAddress> = []
    private var sent = 0
    private var draws: RandomDraws

    init(seed: UInt64) {
        draws = RandomDraws(seed: seed)
    }

    mutating func begin(turn: Int) {
        (self.turn, sent) = (turn, 0)
        asked.removeAll(keepingCapacity: true)
        pending.removeAll(keepingCapacity: true)
    }

    mutating func noteFound(_ address: IPAddress) {
        known.append((address, turn))
        turns[address] = turn
    }

    /// Somebody whose answer is not waited for; nil when there is none, or enough have been asked. Every other time it is one of those that were found
    /// last: they are like those who are still to be found.
    mutating func next() -> IPAddress? {
        guard sent < Self.most, let latest = known.last, sent < max(Self.fewest, known.count) else { return nil }
        for _ in 0..<8 {
            let recent = min(known.count, 20)
            let isRecent = latest.turn > 0 && sent % 2 == 1
            let place = isRecent ? known.count - 1 - draw(below: recent) : draw(below: known.count)
            let address = known[place].address
            // Where there are enough, each is asked once.
            if !pending.contains(address), known.count < Self.fewest || isRecent || asked[address] == nil { return address }
        }
        return nil
    }

    private mutating func draw(below limit: Int) -> Int { min(limit - 1, Int(draws.uniform() * Double(limit))) }

    mutating func noteAsked(_ address: IPAddress) {
        sent += 1
        asked[address, default: ProbeCount()].sent += 1
        pending.insert(address)
    }

    mutating func noteAnswer(_ address: IPAddress) {
        guard pending.remove(address) != nil else { return }
        asked[address]?.answered += 1
    }

    /// The turn's canaries, by the turn that had found them.
    var counts: [Int: ProbeCount] {
        asked.reduce(into: [:]) { counts, each in counts[turns[each.key] ?? 0, default: ProbeCount()] += each.value }
    }
}
