import ScanEngine
import TestSupport
import Testing

@Suite("Checkpoints")
struct ScanCheckpointTests {
    /// A checkpoint's words, written down a second time: stored jobs outlive the program that stored them.
    private static func bytes(
        format: UInt64 = 1, chunkStart: UInt64 = 0, round: UInt64 = 1, position: UInt64 = 17, counters: [UInt64] = Array(1...14),
        seconds: Double = 2.5, table: [UInt64]
    ) -> [UInt8] {
        let words = [format, chunkStart, round, position] + counters + [seconds.bitPattern] + table
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    }

    @Test(
        "what was stored is read back, whatever the table holds",
        arguments: [
            ("no table", []), ("all silent", [0, 1]), ("a long silence", [0, 2_097_153]), ("all answered", [.max, .max]),
            ("mixed", [5, 0, 3, 7, 0, 1, 9, 0, 100]), ("silence at the end", [1, 0, 2]),
        ] as [(String, [UInt64])])
    func roundTrip(what: String, table: [UInt64]) throws {
        let bytes = Self.bytes(table: table)
        let checkpoint = try #require(ScanCheckpoint(encoded: bytes))
        #expect(checkpoint.encoded == bytes)
        #expect(ScanCheckpoint(encoded: checkpoint.encoded) == checkpoint)
    }

    @Test("checkpoints that differ anywhere are not equal")
    func everyWord() throws {
        let reference = try #require(ScanCheckpoint(encoded: Self.bytes(table: [5, 6])))
        let length = reference.encoded.count
        for offset in stride(from: 8, to: length, by: 8) {
            let bytes = reference.encoded.replacing(at: offset, with: [reference.encoded[offset] ^ 1])
            guard let other = ScanCheckpoint(encoded: bytes) else { continue }
            #expect(other != reference, "word \(offset / 8)")
        }
    }

    @Test(
        "bytes that are no checkpoint are refused",
        arguments: [
            ("nothing", []),
            ("a header cut short", Array(bytes(table: []).dropLast(8))),
            ("half a word at the end", bytes(table: [5]) + [1, 2, 3]),
            ("another format", bytes(format: 2, table: [])),
            ("a silence without length", bytes(table: [0])),
            ("a silence of no words", bytes(table: [0, 0])),
            ("a silence larger than any chunk", bytes(table: [0, 2_097_154])),
            ("a silence of 2^64 − 1 words", bytes(table: [0, .max])),
            ("silences that are too long together", bytes(table: [0, 2_000_000, 1, 0, 2_000_000])),
            ("a count below zero", bytes(counters: [UInt64](repeating: .max, count: 14), table: [])),
            ("a count that overflows with the next answer", bytes(counters: [UInt64](repeating: 1 << 63 - 1, count: 14), table: [])),
            ("no time", bytes(seconds: .nan, table: [])),
            ("an endless time", bytes(seconds: .infinity, table: [])),
            ("a time below zero", bytes(seconds: -1, table: [])),
        ] as [(String, [UInt8])])
    func refused(what: String, bytes: [UInt8]) {
        #expect(ScanCheckpoint(encoded: bytes) == nil)
    }

    @Test("hostile bytes never crash the reader, and what it accepts it writes again")
    func fuzz() {
        var generator = SeededGenerator(seed: 100)
        let valid = Self.bytes(table: [5, 0, 3, 7, 0, 1, 9, 0, 100])
        for round in 0..<100_000 {
            var bytes = round % 4 == 0 ? generator.bytes(Int(generator.next() % 400)) : valid
            for _ in 0..<generator.next() % 6 where !bytes.isEmpty {
                let random = generator.next()
                let place = Int(random >> 32) % bytes.count
                switch random % 8 {
                case 0: bytes.removeLast(Int(random >> 8) % min(bytes.count, 16))
                case 1: bytes.append(contentsOf: generator.bytes(8))
                case 2: bytes.replaceSubrange(place..<place, with: [UInt8](repeating: 0, count: 8))
                default: bytes[place] = UInt8(truncatingIfNeeded: random >> 8)
                }
            }
            guard let checkpoint = ScanCheckpoint(encoded: bytes) else { continue }
            #expect(ScanCheckpoint(encoded: checkpoint.encoded) == checkpoint)
        }
    }
}
