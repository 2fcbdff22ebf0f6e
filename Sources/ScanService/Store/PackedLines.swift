import Glibc

/// Lines of the log as the outbox keeps them, a seventh of their size: each as what differs from the line before, byte for byte.
///
/// A line is a row of steps: so many bytes as the line before has in the same place, so many of it passed over, so many new ones (one byte each), then
/// those. A step whose last byte is a line feed ends its line.
enum PackedLines {
    /// Packs whole lines, each ended by a line feed.
    static func pack(_ lines: UnsafeRawBufferPointer) -> [UInt8] {
        var packed: [UInt8] = []
        packed.reserveCapacity(lines.count / 6)
        var before = 0..<0
        while before.upperBound < lines.count {
            let line = before.upperBound..<lineEnd(lines, from: before.upperBound)
            pack(line, of: lines, after: before, to: &packed)
            before = line
        }
        return packed
    }

    /// The place behind the next line feed.
    private static func lineEnd(_ lines: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let base = lines.baseAddress, let end = memchr(base + start, Int32(UInt8(ascii: "\n")), lines.count - start) else {
            return lines.count
        }
        return base.distance(to: UnsafeRawPointer(end)) + 1
    }

    private static func pack(_ line: Range<Int>, of lines: UnsafeRawBufferPointer, after before: Range<Int>, to packed: inout [UInt8]) {
        var (old, new) = (before.lowerBound, line.lowerBound)
        while new < line.upperBound {
            let same = commonLength(lines, old, new, atMost: min(before.upperBound - old, line.upperBound - new, 255))
            (old, new) = (old + same, new + same)
            var passed = same < 255 ? fieldLength(lines, old..<before.upperBound) : 0
            var fresh = same < 255 ? fieldLength(lines, new..<line.upperBound) : 0
            if same + passed + fresh == 0 { (passed, fresh) = (old < before.upperBound ? 1 : 0, 1) }
            packed.append(UInt8(truncatingIfNeeded: same))
            packed.append(UInt8(truncatingIfNeeded: passed))
            packed.append(UInt8(truncatingIfNeeded: fresh))
            packed.append(contentsOf: UnsafeRawBufferPointer(rebasing: lines[new..<new + fresh]))
            (old, new) = (old + passed, new + fresh)
        }
    }

    /// How many bytes from `old` and from `new` on are the same.
    private static func commonLength(_ bytes: UnsafeRawBufferPointer, _ old: Int, _ new: Int, atMost limit: Int) -> Int {
        var length = 0
        while length + 8 <= limit {
            let difference =
                bytes.loadUnaligned(fromByteOffset: old + length, as: UInt64.self)
                ^ bytes.loadUnaligned(fromByteOffset: new + length, as: UInt64.self)
            if difference != 0 { return length + UInt64(littleEndian: difference).trailingZeroBitCount / 8 }
            length += 8
        }
        while length < limit, bytes[old + length] == bytes[new + length] { length += 1 }
        return length
    }

    /// How many bytes come before the next quotation mark, comma or line feed: where two lines that differ are likely to meet again.
    private static func fieldLength(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Int {
        let end = range.lowerBound + min(range.count, 255)
        var place = range.lowerBound
        while place < end, bytes[place] > UInt8(ascii: ",") { place += 1 }
        return place - range.lowerBound
    }

    /// The lines; nil for bytes that `pack` cannot have made.
    static func unpack(_ packed: [UInt8]) -> [UInt8]? {
        var lines: [UInt8] = []
        var (old, start) = (0, 0)
        var place = 0
        while place < packed.count {
            guard place + 3 <= packed.count else { return nil }
            let (same, passed, fresh) = (Int(packed[place]), Int(packed[place + 1]), Int(packed[place + 2]))
            place += 3
            guard old + same + passed <= start, place + fresh <= packed.count else { return nil }
            lines += lines[old..<old + same]
            lines += packed[place..<place + fresh]
            old += same + passed
            place += fresh
            guard same + fresh > 0, lines.last == UInt8(ascii: "\n") else { continue }
            (old, start) = (start, lines.count)
        }
        return lines
    }
}
