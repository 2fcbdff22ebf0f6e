import ScanTargets

/// When a canary is due, and which target it goes to: one of those that have answered, at random. The transmit thread only.
package struct CanaryChoice {
    private var draws: RandomDraws
    /// Probes from one canary to the next on average, and after `enough` of them.
    private var interval = 1
    private var later = 1
    private var enough = 0
    /// Frames until the next one is due; who makes the frames counts them.
    package var rest = 0
    private var sent = 0
    /// Behind the last target that was chosen in turn.
    private var turn: UInt64 = 0

    package init(seed: UInt64) { draws = RandomDraws(seed: seed) }

    /// Fewer tell too little.
    package static let least = 40

    /// A round begins over `silent` of a chunk's targets. One canary in fifty probes; when there are enough for the estimate fewer. Later rounds,
    /// which only those of the silent need that are left, have more, as long as they are few beside the whole chunk.
    package mutating func begin(round: Int, chunk: Int, silent: Int) {
        enough = min(max(chunk / 50, Self.least), round == 0 ? 1600 : 160)
        interval = round == 0 ? 50 : max(1, min(50, silent / enough))
        later = round == 0 ? 500 : 50
        sent = 0
        rest = nextInterval()
    }

    /// One is due: when the next one will be.
    package mutating func draw() { rest = nextInterval() }

    /// Between half of the interval and one and a half: at regular intervals canaries could keep step with a path that counts packets.
    private mutating func nextInterval() -> Int {
        let mean = Double(sent < enough ? interval : later)
        return max(1, Int(mean * (0.5 + draws.uniform()) + 0.5))
    }

    /// At most `count` different targets that have answered, spread over the chunk.
    package mutating func choose(_ count: Int, _ table: ProbeTable) -> [UInt64] {
        let (lower, upper) = (table.positions.lowerBound, table.positions.upperBound)
        let step = max(1, UInt64(table.positions.count / count))
        var targets: [UInt64] = []
        var position = lower
        while targets.count < count, let next = table.nextAnswered(from: position, before: upper) {
            targets.append(next)
            position = max(next + 1, lower + (next - lower) / step * step + step)
        }
        return targets
    }

    /// Up to `count` different targets that have answered, and the next ones at the next time, round and round: whichever of them answers again is
    /// asked some time, however few they are.
    package mutating func next(_ count: Int, _ table: ProbeTable) -> [UInt64] {
        let (lower, upper) = (table.positions.lowerBound, table.positions.upperBound)
        var targets: [UInt64] = []
        var position = table.positions.contains(turn) ? turn : lower
        while targets.count < count {
            guard let next = table.nextAnswered(from: position, before: upper) ?? table.nextAnswered(from: lower, before: position),
                targets.first != next
            else { break }
            targets.append(next)
            position = next + 1
        }
        turn = position
        return targets
    }

    /// A target that has answered, nil where there are too few.
    package mutating func choose(_ table: ProbeTable) -> UInt64? {
        let size = Double(table.positions.count)
        let start = table.positions.lowerBound + UInt64(draws.uniform() * size)
        let end = min(start + 65_536, table.positions.upperBound)
        return table.nextAnswered(from: start, before: end)
    }

    /// One of these positions that has answered, at random; nil where a few draws find none.
    package mutating func choose(among count: UInt64, _ table: ProbeTable, _ position: (UInt64) -> UInt64) -> UInt64? {
        for _ in 0..<Self.draws {
            let drawn = position(UInt64(draws.uniform() * Double(count)))
            if table.positions.contains(drawn), [.open, .closed].contains(table.state(at: drawn)) { return drawn }
        }
        return nil
    }

    private static let draws = 8

    /// One has been sent.
    package mutating func noteSent() { sent += 1 }
}
