package import ScanTargets
import Synchronization

/// Two bits for each position of a chunk: silent, open, closed or filtered.
///
/// One thread at a time writes (the capture thread, or the transmit thread while it holds the books); any thread may read. A reader may
/// see a target silent a moment longer than it is, which costs a probe and nothing else.
package final class ProbeTable: Sendable {
    /// 16 MiB of table.
    package static let maximumPositions: UInt64 = 1 << 26

    package let positions: Range<UInt64>
    private let silent: Atomic<Int>
    // Allocated here, freed in deinit, never reassigned; all access is atomic.
    nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private let wordCount: Int
    /// A bit for each page that has changed since it was taken last. As above.
    nonisolated(unsafe) private let dirty: UnsafeMutablePointer<Atomic<UInt64>>
    private let dirtyCount: Int

    private static let perWord: UInt64 = 32

    /// How many of the positions the run is about.
    package let size: Int
    /// What `words` were when the table was made, where the run is not about all of it: those positions stay as they are. As above.
    nonisolated(unsafe) private let foreign: UnsafeMutablePointer<UInt64>?

    /// All silent but for the positions that are not among the chosen ones: those are filtered from the beginning.
    package init(positions: Range<UInt64>, only chosen: ChosenTargets? = nil) {
        self.positions = positions
        wordCount = positions.count / Int(Self.perWord) + 1
        silent = Atomic(positions.count)
        words = .allocate(capacity: wordCount)
        for index in 0..<wordCount { (words + index).initialize(to: Atomic(0)) }
        dirtyCount = wordCount / (ProbePage.words * 64) + 1
        dirty = .allocate(capacity: dirtyCount)
        for index in 0..<dirtyCount { (dirty + index).initialize(to: Atomic(0)) }
        guard let chosen else {
            (size, foreign) = (positions.count, nil)
            return
        }
        var next = positions.lowerBound
        var size = 0
        chosen.eachRun(in: positions) { [words] run in
            Self.fill(next..<run.lowerBound, of: positions, words)
            next = run.upperBound
            size += run.count
        }
        Self.fill(next..<positions.upperBound, of: positions, words)
        let copy = UnsafeMutablePointer<UInt64>.allocate(capacity: wordCount)
        for index in 0..<wordCount { (copy + index).initialize(to: (words + index).pointee.load(ordering: .relaxed)) }
        (self.size, foreign) = (size, copy)
        silent.store(size, ordering: .releasing)
    }

    private func isForeign(_ word: Int, _ shift: UInt64) -> Bool { foreign.map { $0[word] &>> shift & 3 != 0 } ?? false }

    /// Marks all of a range as filtered.
    private static func fill(_ range: Range<UInt64>, of positions: Range<UInt64>, _ words: UnsafeMutablePointer<Atomic<UInt64>>) {
        var position = range.lowerBound
        while position < range.upperBound {
            let offset = position - positions.lowerBound
            let (word, first) = (Int(offset / perWord), offset % perWord)
            let count = min(perWord - first, range.upperBound - position)
            let bits = count == perWord ? UInt64.max : (1 &<< (count * 2) &- 1) &<< (first * 2)
            (words + word).pointee.store((words + word).pointee.load(ordering: .relaxed) | bits, ordering: .relaxed)
            position += count
        }
    }

    deinit {
        foreign?.deallocate()
        dirty.deinitialize(count: dirtyCount)
        dirty.deallocate()
        words.deinitialize(count: wordCount)
        words.deallocate()
    }

    /// How many positions are still silent.
    package var silentCount: Int { silent.load(ordering: .acquiring) }

    /// The state at `position`, nil while it is silent.
    @inline(__always)
    package func state(at position: UInt64) -> TargetState? {
        let (word, shift) = place(position)
        return Self.state((words + word).pointee.load(ordering: .relaxed) &>> shift & 3)
    }

    /// Notes an answer; false when the position has one already. Writers only.
    @inline(__always)
    package func settle(_ position: UInt64, as state: TargetState) -> Bool {
        let (word, shift) = place(position)
        let value = (words + word).pointee.load(ordering: .relaxed)
        guard value &>> shift & 3 == 0 else { return false }
        (words + word).pointee.store(value | Self.code(state) &<< shift, ordering: .relaxed)
        noteChange(ofWord: word)
        silent.subtract(1, ordering: .releasing)
        return true
    }

    /// Puts an answer of the target itself, open or closed, in the place of `filtered`; false when the position is in another state. Writers only.
    package func overrule(_ position: UInt64, by state: TargetState) -> Bool {
        let (word, shift) = place(position)
        let value = (words + word).pointee.load(ordering: .relaxed)
        guard state == .open || state == .closed, value &>> shift & 3 == 3, !isForeign(word, shift) else { return false }
        (words + word).pointee.store(value & ~(3 &<< shift) | Self.code(state) &<< shift, ordering: .relaxed)
        noteChange(ofWord: word)
        return true
    }

    /// Makes a filtered position silent again; false when it is in another state. Writers only.
    package func reopen(_ position: UInt64) -> Bool {
        let (word, shift) = place(position)
        let value = (words + word).pointee.load(ordering: .relaxed)
        guard value &>> shift & 3 == 3, !isForeign(word, shift) else { return false }
        (words + word).pointee.store(value & ~(3 &<< shift), ordering: .relaxed)
        noteChange(ofWord: word)
        silent.add(1, ordering: .releasing)
        return true
    }

    @inline(__always)
    private func noteChange(ofWord word: Int) {
        let page = word / ProbePage.words
        let marks = (dirty + page / 64).pointee.load(ordering: .relaxed)
        (dirty + page / 64).pointee.store(marks | 1 &<< UInt64(page % 64), ordering: .relaxed)
    }

    /// The first silent position at or after `position` and before `end`.
    @inline(__always)
    package func nextSilent(from position: UInt64, before end: UInt64) -> UInt64? {
        var position = position
        while position < end {
            let first = self.first(ofWordWith: position)
            let free = silentBits(from: position)
            if free != 0 {
                let found = first &+ UInt64(free.trailingZeroBitCount &>> 1)
                return found < end ? found : nil
            }
            position = first &+ Self.perWord
        }
        return nil
    }

    /// Writes the first silent positions from `start` on and before `end` to `positions`, which has room for `most`; how many there are.
    @inline(__always)
    package func findSilent(from start: UInt64, before end: UInt64, most: Int, _ positions: UnsafeMutablePointer<UInt64>) -> Int {
        var found = 0
        var position = start
        while position < end, found < most {
            var free = silentBits(from: position)
            let first = self.first(ofWordWith: position)
            while free != 0, found < most {
                positions[found] = first &+ UInt64(free.trailingZeroBitCount &>> 1)
                free &= free &- 1
                found &+= 1
            }
            position = first &+ Self.perWord
        }
        while found > 0, positions[found &- 1] >= end { found &-= 1 }
        return found
    }

    /// A bit, at the even places, for each silent target in the word of `position` from it on.
    @inline(__always)
    private func silentBits(from position: UInt64) -> UInt64 {
        let (word, shift) = place(position)
        let value = (words + word).pointee.load(ordering: .relaxed)
        let answered = value | value &>> 1 | ((1 &<< shift) &- 1)
        return ~answered & 0x5555_5555_5555_5555
    }

    /// The first position at or after `position` and before `end` whose target itself has answered, with a SYN-ACK or a RST.
    package func nextAnswered(from position: UInt64, before end: UInt64) -> UInt64? {
        var position = position
        while position < end {
            let (word, shift) = place(position)
            let value = (words + word).pointee.load(ordering: .relaxed)
            let answered = (value ^ value &>> 1) & 0x5555_5555_5555_5555 & (.max &<< shift)
            if answered != 0 {
                let found = position &- (shift &>> 1) &+ UInt64(answered.trailingZeroBitCount &>> 1)
                return found < end ? found : nil
            }
            position = position &- (shift &>> 1) &+ Self.perWord
        }
        return nil
    }

    @inline(__always)
    private func first(ofWordWith position: UInt64) -> UInt64 {
        position &- (position &- positions.lowerBound) % Self.perWord
    }

    @inline(__always)
    private func place(_ position: UInt64) -> (word: Int, shift: UInt64) {
        let offset = position &- positions.lowerBound
        return (Int(truncatingIfNeeded: offset / Self.perWord), offset % Self.perWord &* 2)
    }

    @inline(__always)
    private static func code(_ state: TargetState) -> UInt64 {
        switch state {
        case .open: 1
        case .closed: 2
        default: 3
        }
    }

    @inline(__always)
    private static func state(_ code: UInt64) -> TargetState? {
        switch code {
        case 0: nil
        case 1: .open
        case 2: .closed
        default: .filtered
        }
    }

    /// The pages that have changed since they were taken last, in order. Writers only.
    package func takeDirtyPages() -> [ProbePage] {
        var pages: [ProbePage] = []
        for index in 0..<dirtyCount {
            var marks = (dirty + index).pointee.exchange(0, ordering: .relaxed)
            while marks != 0 {
                pages.append(page(index * 64 + marks.trailingZeroBitCount))
                marks &= marks - 1
            }
        }
        return pages
    }

    private func page(_ number: Int) -> ProbePage {
        let first = number * ProbePage.words
        let values = (first..<min(first + ProbePage.words, wordCount)).map { (words + $0).pointee.load(ordering: .relaxed) }
        return ProbePage(number: number, values: values)
    }

    /// Takes over the pages of a checkpoint of the same positions, on a table that is as it was made; false when one does not fit.
    package func restore(_ pages: [ProbePage]) -> Bool {
        var answered = 0
        for page in pages {
            guard page.number >= 0, page.number <= wordCount / ProbePage.words, case let first = page.number * ProbePage.words,
                first < wordCount, page.values.count == min(ProbePage.words, wordCount - first)
            else { return false }
            for (index, value) in page.values.enumerated() {
                let word = first + index
                let valid = word == wordCount - 1 ? value & lastWordMask : value
                answered += Self.answered(in: valid) - Self.answered(in: (words + word).pointee.load(ordering: .relaxed))
                (words + word).pointee.store(valid, ordering: .relaxed)
            }
        }
        silent.subtract(answered, ordering: .releasing)
        return true
    }

    private static func answered(in word: UInt64) -> Int { ((word | word >> 1) & 0x5555_5555_5555_5555).nonzeroBitCount }

    private var lastWordMask: UInt64 {
        (1 &<< (UInt64(positions.count) % Self.perWord * 2)) &- 1
    }
}
