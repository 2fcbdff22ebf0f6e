/// Which blocks of a memory hold frames that the kernel still needs: a bit each. One thread at a time.
package struct FramesUnderWay: ~Copyable {
    // Allocated in the initialiser, freed in deinit; a caller's ranges are below `blocks`. Closures take the address alone: with ThreadSanitizer the
    // compiler (6.3) breaks on a closure that takes a value which cannot be copied.
    private let words: UnsafeMutableBufferPointer<UInt64>

    package init(blocks: Int) {
        words = .allocate(capacity: (blocks + 63) / 64)
        words.initialize(repeating: 0)
    }

    deinit {
        words.deallocate()
    }

    package func insert(_ blocks: Range<Int>) {
        let words = words
        Self.forEachWord(of: blocks) { words[$0] |= $1 }
    }

    package func remove(_ blocks: Range<Int>) {
        let words = words
        Self.forEachWord(of: blocks) { words[$0] &= ~$1 }
    }

    package func removeAll() {
        words.update(repeating: 0)
    }

    /// The first of `blocks` that holds one; their end when none does.
    package func first(in blocks: Range<Int>) -> Int {
        let words = words
        var first = blocks.upperBound
        Self.forEachWord(of: blocks) { word, mask in
            let found = words[word] & mask
            if found != 0 { first = min(first, word * 64 + found.trailingZeroBitCount) }
        }
        return first
    }

    private static func forEachWord(of blocks: Range<Int>, _ body: (_ word: Int, _ mask: UInt64) -> Void) {
        var block = blocks.lowerBound
        while block < blocks.upperBound {
            let (word, bit) = (block / 64, block % 64)
            let count = min(64 - bit, blocks.upperBound - block)
            body(word, (UInt64.max >> (64 - count)) << bit)
            block += count
        }
    }
}
