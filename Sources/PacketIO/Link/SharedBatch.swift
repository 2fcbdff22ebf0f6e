import Glibc

/// A batch that two threads send, a part each.
package struct SharedBatch {
    /// What the helper has sent of its part while the rest of the first part has not been taken yet.
    private var ahead = 0..<0

    package init() {}

    /// Other frames are made: what was ahead does not matter any more.
    package mutating func begin() { ahead = 0..<0 }

    /// Sends frames `range`, those from `middle` on by `helper` where there is one, the others by `own`: how many were taken from the front, or minus
    /// one with errno set.
    package mutating func send(_ range: Range<Int>, from middle: Int?, by helper: SendHelper?, own: (Range<Int>) -> Int32) -> Int32 {
        guard ahead.isEmpty else { return sendRest(range, own) }
        guard let helper, let middle else { return own(range) }
        let (part, taken, more) = helper.send(range, from: middle, own: own)
        if taken == part.count { return taken + Int32(more) }
        ahead = part.upperBound..<part.upperBound + more
        return taken
    }

    private mutating func sendRest(_ range: Range<Int>, _ own: (Range<Int>) -> Int32) -> Int32 {
        guard range.lowerBound >= ahead.lowerBound else { return own(range.lowerBound..<ahead.lowerBound) }
        defer { ahead = 0..<0 }
        return Int32(ahead.upperBound - range.lowerBound)
    }
}
