/// Where a run stood: enough to go on from there without missing a target.
package struct ScanCheckpoint: Sendable, Equatable {
    /// The first position of the chunk.
    var chunkStart: UInt64
    var round: UInt64
    /// The first position whose probe may not have had the time to be answered.
    var position: UInt64
    var counters: ScanCounters
    /// The chunk's probe table.
    var table: [UInt64]

    private static let format: UInt64 = 1
    private static let headerWords = 4 + ScanCounters.wordCount

    /// The checkpoint as bytes: little-endian words, the table with each run of empty words as a zero and the run's length.
    package var encoded: [UInt8] {
        var words = [Self.format, chunkStart, round, position] + counters.words
        var index = 0
        while index < table.count {
            let value = table[index]
            words.append(value)
            index += 1
            guard value == 0 else { continue }
            var run: UInt64 = 1
            while index < table.count, table[index] == 0 {
                run += 1
                index += 1
            }
            words.append(run)
        }
        return words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }

    init(chunkStart: UInt64, round: UInt64, position: UInt64, counters: ScanCounters, table: [UInt64]) {
        self.chunkStart = chunkStart
        self.round = round
        self.position = position
        self.counters = counters
        self.table = table
    }

    /// Nil for bytes that `encoded` did not make.
    package init?(encoded bytes: [UInt8]) {
        guard bytes.count % 8 == 0, bytes.count / 8 >= Self.headerWords else { return nil }
        let words = bytes.withUnsafeBytes { buffer in
            (0..<bytes.count / 8).map { UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
        }
        guard words[0] == Self.format, let counters = ScanCounters(words: words[4..<Self.headerWords]),
            let table = Self.expand(words[Self.headerWords...])
        else { return nil }
        self.init(chunkStart: words[1], round: words[2], position: words[3], counters: counters, table: table)
    }

    private static func expand(_ words: ArraySlice<UInt64>) -> [UInt64]? {
        let limit = Int(ProbeTable.maximumPositions / 32) + 1
        var table: [UInt64] = []
        var index = words.startIndex
        while index < words.endIndex {
            let value = words[index]
            index += 1
            var run = 1
            if value == 0 {
                guard index < words.endIndex, words[index] >= 1, words[index] <= UInt64(limit) else { return nil }
                run = Int(words[index])
                index += 1
            }
            guard table.count + run <= limit else { return nil }
            table += repeatElement(value, count: run)
        }
        return table
    }

}
