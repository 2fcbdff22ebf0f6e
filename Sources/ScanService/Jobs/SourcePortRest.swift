/// Which blocks of source ports rest after a job: a new key on four-tuples that a target still remembers would meet challenge ACKs (RFC 5961).
package struct SourcePortRest: Sendable {
    /// How long ports rest where others are free.
    package static let seconds: Double = 120

    /// When each block's job ended, by the block's first port; in seconds of any steady clock.
    private var ends: [UInt16: Double] = [:]

    package init() {}

    package mutating func add(_ first: UInt16, endedAt time: Double) {
        ends[first] = time
    }

    /// The blocks that still rest.
    package mutating func resting(at time: Double) -> Set<UInt16> {
        ends = ends.filter { time - $0.value < Self.seconds }
        return Set(ends.keys)
    }

    /// The block to take when all of them rest: the one that has rested longest.
    package var longestRested: UInt16? {
        ends.min { ($0.value, $0.key) < ($1.value, $1.key) }?.key
    }
}
