/// The targets of a chunk that nothing but ICMP errors has answered.
///
/// Such an error says what some router or firewall did with one probe: another probe may come through, by another way or a moment later. So a
/// target is asked once more after its first error (`Transmitter+Refusals`). Guarded by the books' lock.
package final class Refusals: @unchecked Sendable {
    // Unchecked: the memory is allocated here, freed in deinit, and touched only under the books' lock.
    private let positions: Range<UInt64>
    /// Two bits for each position; allocated with the first error.
    private var words: UnsafeMutablePointer<UInt64>?

    /// How many targets have got errors and nothing else.
    package private(set) var count = 0
    /// How many targets have got an error of the way, and have not been asked once more.
    package private(set) var onTheWay = 0

    private enum Mark {
        static let none: UInt64 = 0
        /// Refused by a rule: a firewall's, or the host's own.
        static let byRule: UInt64 = 1
        /// Lost on the way.
        static let onTheWay: UInt64 = 2
        /// Has been asked once more.
        static let askedAgain: UInt64 = 3
    }

    private static let perWord: UInt64 = 32

    package init(positions: Range<UInt64>) { self.positions = positions }

    deinit {
        words?.deallocate()
    }

    private var wordCount: Int { positions.count / Int(Self.perWord) + 1 }

    /// Notes that an error has come for the silent target at `position`.
    package func note(_ position: UInt64, _ reason: Reason) {
        let words = self.words ?? .zeros(wordCount)
        self.words = words
        let (word, shift) = place(position)
        guard words[word] &>> shift & 3 == Mark.none else { return }
        words[word] |= (reason.isOfTheWay ? Mark.onTheWay : Mark.byRule) &<< shift
        if reason.isOfTheWay { onTheWay += 1 }
        count += 1
    }

    /// Whether an error has come for this target.
    package func contains(_ position: UInt64) -> Bool {
        guard let words, case (let word, let shift) = place(position) else { return false }
        return words[word] &>> shift & 3 != Mark.none
    }

    /// The targets in `part` for which an error has come, in order; `isFirst`: but for those that have been asked once more.
    package func targets(in part: Range<UInt64>, isFirst: Bool) -> [UInt64] {
        guard let words, case let part = part.clamped(to: positions), !part.isEmpty else { return [] }
        var found: [UInt64] = []
        for word in place(part.lowerBound).word...place(part.upperBound - 1).word where words[word] != 0 {
            let value = words[word]
            var marked = (isFirst ? value ^ value &>> 1 : value | value &>> 1) & 0x5555_5555_5555_5555
            while marked != 0 {
                let bit = UInt64(marked.trailingZeroBitCount)
                let position = positions.lowerBound + UInt64(word) * Self.perWord + bit / 2
                if part.contains(position) { found.append(position) }
                marked &= marked - 1
            }
        }
        return found
    }

    /// Notes that this target is asked once more.
    package func askAgain(_ position: UInt64) {
        guard let words, case (let word, let shift) = place(position) else { return }
        if words[word] &>> shift & 3 == Mark.onTheWay { onTheWay -= 1 }
        words[word] |= Mark.askedAgain &<< shift
    }

    /// Notes that this target has answered itself.
    package func remove(_ position: UInt64) {
        guard let words, case (let word, let shift) = place(position) else { return }
        let mark = words[word] &>> shift & 3
        if mark == Mark.onTheWay { onTheWay -= 1 }
        if mark != Mark.none { count -= 1 }
        words[word] &= ~(3 &<< shift)
    }

    private func place(_ position: UInt64) -> (word: Int, shift: UInt64) {
        let offset = position - positions.lowerBound
        return (Int(offset / Self.perWord), offset % Self.perWord * 2)
    }
}
