import ScanCore
import TestSupport
import Testing

@Suite("Checkpoints")
struct ScanCheckpointTests {
    /// A checkpoint's header, written down a second time: stored jobs outlive the program that stored them.
    private static func header(
        format: UInt64 = 3, chunkStart: UInt64 = 0, round: UInt64 = 1, position: UInt64 = 17, counters: [UInt64] = Array(1...23),
        seconds: Double = 2.5, sweeps: [UInt64] = [0], omissions: [UInt64] = [0]
    ) -> [UInt8] {
        let words = [format, chunkStart, round, position] + counters + [seconds.bitPattern] + sweeps + omissions
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    }

    /// Two stretches: in round 0 one IPv4 and two IPv6 ranges, in round 1 one address.
    private static let omissions: [UInt64] = [
        2, 0, 10, 20, 3, 4, 0, 0xC612_0000, 0, 0xC612_00FF, 6, 1, 0, 1, 5, 6, 2, 9, 2, 9, 1, 5, 7, 1, 4, 0, 1, 0, 1,
    ]

    /// Two sweeps: canaries sent and answered, open, answers, wide.
    private static let sweeps: [UInt64] = [2, 100, 90, 7, 80, 1, 20, 20, 0, 3, 0]

    @Test("what was stored is read back", arguments: [[0], sweeps], [[0], omissions])
    func roundTrip(sweeps: [UInt64], omissions: [UInt64]) throws {
        let bytes = Self.header(sweeps: sweeps, omissions: omissions)
        let pages = [ProbePage(number: 0, values: [5, 0, .max]), ProbePage(number: 7, values: [1])]
        let checkpoint = try #require(ScanCheckpoint(header: bytes, pages: pages))
        #expect(checkpoint.header == bytes && checkpoint.pages == pages)
        for page in pages { #expect(ProbePage(number: page.number, bytes: page.bytes) == page) }
    }

    @Test("checkpoints that differ anywhere are not equal")
    func everyWord() throws {
        let reference = try #require(ScanCheckpoint(header: Self.header(), pages: []))
        for offset in stride(from: 8, to: reference.header.count - 16, by: 8) {
            let bytes = reference.header.replacing(at: offset, with: [reference.header[offset] ^ 1])
            let other = try #require(ScanCheckpoint(header: bytes, pages: []), "word \(offset / 8)")
            #expect(other != reference, "word \(offset / 8)")
        }
    }

    @Test("a later checkpoint brings its pages and keeps the others; one of another chunk stands for itself")
    func update() throws {
        let first = try #require(
            ScanCheckpoint(header: Self.header(), pages: [ProbePage(number: 0, values: [1]), ProbePage(number: 2, values: [2])]))
        let second = try #require(
            ScanCheckpoint(
                header: Self.header(position: 99), pages: [ProbePage(number: 1, values: [3]), ProbePage(number: 2, values: [4])]))
        let both = first.updated(by: second)
        #expect(both.header == second.header)
        #expect(both.pages.map(\.number) == [0, 1, 2] && both.pages[2] == ProbePage(number: 2, values: [4]))
        let next = try #require(ScanCheckpoint(header: Self.header(chunkStart: 1 << 26), pages: []))
        #expect(both.updated(by: next) == next)
    }

    @Test(
        "bytes that are no header are refused",
        arguments: [
            ("nothing", []),
            ("a header cut short", Array(header().dropLast(8))),
            ("half a word at the end", header() + [1, 2, 3]),
            ("a word too many", header() + [0, 0, 0, 0, 0, 0, 0, 0]),
            ("another format", header(format: 2)),
            ("more sweeps than words", header(sweeps: [3])),
            ("more answers than canaries", header(sweeps: [1, 5, 6, 0, 0, 0])),
            ("more open ones than answers", header(sweeps: [1, 5, 5, 2, 1, 0])),
            ("a width that is none", header(sweeps: [1, 5, 5, 0, 1, 2])),
            ("more stretches than words", header(omissions: [.max])),
            ("a stretch without addresses", header(omissions: [1, 0, 10, 20, 0])),
            ("a stretch without positions", header(omissions: [1, 0, 20, 20, 1, 4, 0, 1, 0, 1])),
            ("stretches in the wrong order", header(omissions: [2, 1, 10, 20, 1, 4, 0, 1, 0, 1, 0, 10, 20, 1, 4, 0, 1, 0, 1])),
            ("stretches that overlap", header(omissions: [2, 0, 10, 20, 1, 4, 0, 1, 0, 1, 0, 19, 30, 1, 4, 0, 1, 0, 1])),
            ("a family that is none", header(omissions: [1, 0, 10, 20, 1, 5, 0, 1, 0, 1])),
            ("an IPv4 address too great", header(omissions: [1, 0, 10, 20, 1, 4, 0, 1, 0, 1 << 32])),
            ("a range that runs backwards", header(omissions: [1, 0, 10, 20, 1, 4, 0, 2, 0, 1])),
            ("ranges that touch", header(omissions: [1, 0, 10, 20, 2, 4, 0, 1, 0, 1, 4, 0, 2, 0, 2])),
            ("a count below zero", header(counters: [UInt64](repeating: .max, count: 23))),
            ("a count that overflows with the next answer", header(counters: [UInt64](repeating: 1 << 63 - 1, count: 23))),
            ("no time", header(seconds: .nan)),
            ("an endless time", header(seconds: .infinity)),
            ("a time below zero", header(seconds: -1)),
        ] as [(String, [UInt8])])
    func refused(what: String, bytes: [UInt8]) {
        #expect(ScanCheckpoint(header: bytes, pages: []) == nil)
    }

    @Test("bytes that are no page are refused", arguments: [0, 7, 9, 4095, 4104, 8192])
    func refusedPage(count: Int) {
        #expect(ProbePage(number: 0, bytes: [UInt8](repeating: 1, count: count)) == nil)
        #expect(ProbePage(number: -1, bytes: [UInt8](repeating: 1, count: 8)) == nil)
    }

    @Test("hostile bytes never crash the reader, and what it accepts it writes again")
    func fuzz() {
        var generator = SeededGenerator(seed: 100)
        let valid = Self.header(sweeps: Self.sweeps, omissions: Self.omissions)
        for round in 0..<100_000 {
            var bytes = round % 4 == 0 ? generator.bytes(valid.count) : valid
            for _ in 0..<generator.next() % 6 {
                let random = generator.next()
                bytes[Int(random >> 32) % bytes.count] = UInt8(truncatingIfNeeded: random >> 8)
            }
            guard let checkpoint = ScanCheckpoint(header: bytes, pages: []) else { continue }
            #expect(checkpoint.header == bytes)
        }
    }
}
