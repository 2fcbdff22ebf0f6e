/// Where a run stood: enough to go on from there without missing a target.
///
/// A run makes one about every second and one when it stops. Each has only the pages of the probe table that have changed since the one before;
/// together they are the whole table, as long as `chunkStart` stays the same.
package struct ScanCheckpoint: Sendable, Equatable {
    /// The first position of the chunk.
    package var chunkStart: UInt64
    package var round: UInt64
    /// The first position whose probe may not have had the time to be answered.
    package var position: UInt64
    package var counters: ScanCounters
    package var omissions: Omissions
    /// The chunk's sweeps that are over.
    package var sweeps: [RecallEvidence.Sweep]
    /// Those of the chunk's probe table that have changed, in order; what was never among them is silent.
    package var pages: [ProbePage]

    private static let format: UInt64 = 3

    package init(
        chunkStart: UInt64, round: UInt64, position: UInt64, counters: ScanCounters, omissions: Omissions, sweeps: [RecallEvidence.Sweep],
        pages: [ProbePage]
    ) {
        self.chunkStart = chunkStart
        self.round = round
        self.position = position
        self.counters = counters
        self.omissions = omissions
        self.sweeps = sweeps
        self.pages = pages
    }

    /// Everything but the pages as bytes: little-endian words.
    package var header: [UInt8] {
        let words = [Self.format, chunkStart, round, position] + counters.words + RecallEvidence.words(of: sweeps) + omissions.words
        return words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }

    /// Nil for bytes that `header` did not make.
    package init?(header bytes: [UInt8], pages: [ProbePage]) {
        let counterWords = 4..<4 + ScanCounters.wordCount
        guard bytes.count % 8 == 0, bytes.count / 8 > counterWords.upperBound else { return nil }
        let words = bytes.withUnsafeBytes { buffer in
            (0..<bytes.count / 8).map { UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
        }
        guard words[0] == Self.format, let counters = ScanCounters(words: words[counterWords]),
            case var rest = words[counterWords.upperBound...], let sweeps = RecallEvidence.sweeps(reading: &rest),
            let omissions = Omissions(words: rest)
        else { return nil }
        self.init(
            chunkStart: words[1], round: words[2], position: words[3], counters: counters, omissions: omissions, sweeps: sweeps,
            pages: pages)
    }

    /// This checkpoint with what a later one of the same run has changed.
    package func updated(by later: ScanCheckpoint) -> ScanCheckpoint {
        guard later.chunkStart == chunkStart else { return later }
        var all = Dictionary(pages.map { ($0.number, $0) }) { $1 }
        for page in later.pages { all[page.number] = page }
        var result = later
        result.pages = all.values.sorted { $0.number < $1.number }
        return result
    }
}
