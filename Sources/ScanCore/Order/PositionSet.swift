/// Positions of a job's order, written so small that each takes a bit at most where they are many, and a byte or two where they are few.
///
/// The bytes are the runs, each as two numbers: how many positions lie between it and the one before, and how many it has (LEB128). Where a bit for
/// each position from the first on is shorter, it is that.
package struct PositionSet: Sendable, Equatable {
    /// From the first position to the last one; empty for no position.
    package let span: Range<UInt64>
    package let count: UInt64
    package let bytes: [UInt8]
    private let form: Form

    private enum Form: UInt8 {
        case runs = 0
        case bits = 1
    }

    /// `positions` ascend.
    package init(_ positions: some Sequence<UInt64>) {
        var runs = RunWriter()
        for position in positions { runs.append(position..<position + 1) }
        self = runs.finish()
    }

    /// All positions of a range.
    package init(_ range: Range<UInt64>) {
        var runs = RunWriter()
        runs.append(range)
        self = runs.finish()
    }

    fileprivate init(_ written: (span: Range<UInt64>, count: UInt64, bytes: [UInt8])) {
        (span, count) = (written.span, written.count)
        let bitBytes = (UInt64(span.count) + 7) / 8
        guard UInt64(written.bytes.count) > bitBytes else {
            (form, bytes) = (.runs, written.bytes)
            return
        }
        var bits = [UInt8](repeating: 0, count: Int(bitBytes))
        Self.eachRun(of: written.bytes, from: written.span.lowerBound) { run in
            for position in run {
                let offset = position - written.span.lowerBound
                bits[Int(offset / 8)] |= 1 << UInt8(offset % 8)
            }
        }
        (form, bytes) = (.bits, bits)
    }

    /// Calls `body` with each run, in order.
    package func eachRun(_ body: (Range<UInt64>) -> Void) {
        switch form {
        case .runs: Self.eachRun(of: bytes, from: span.lowerBound, body)
        case .bits:
            var start: UInt64?
            for position in span {
                let offset = position - span.lowerBound
                let isIn = bytes[Int(offset / 8)] & 1 << UInt8(offset % 8) != 0
                if isIn, start == nil { start = position }
                if !isIn, let first = start {
                    body(first..<position)
                    start = nil
                }
            }
            if let start { body(start..<span.upperBound) }
        }
    }

    private static func eachRun(of bytes: [UInt8], from start: UInt64, _ body: (Range<UInt64>) -> Void) {
        var (rest, position) = (bytes[...], start)
        while let gap = number(&rest), let length = number(&rest) {
            body(position + gap..<position + gap + length)
            position += gap + length
        }
    }

    private static func number(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
        var (value, shift): (UInt64, UInt64) = (0, 0)
        while shift < 64, let byte = rest.popFirst() {
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}

extension PositionSet {
    /// For the store: the span, the count, the form, and the bytes.
    package var encoded: [UInt8] {
        let numbers = [span.lowerBound, span.upperBound, count, UInt64(form.rawValue)]
        return numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } } + bytes
    }

    /// Nil for bytes that `encoded` did not make.
    package init?(encoded: [UInt8]) {
        guard encoded.count >= 32 else { return nil }
        let numbers = encoded.withUnsafeBytes { buffer in
            (0..<4).map { UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
        }
        guard numbers[0] <= numbers[1], numbers[1] <= UInt64(Int64.max), let form = UInt8(exactly: numbers[3]).flatMap(Form.init(rawValue:))
        else {
            return nil
        }
        let bytes = Array(encoded[32...])
        guard Self.isSound(bytes, form, span: numbers[0]..<numbers[1], count: numbers[2]) else { return nil }
        (span, count, self.form, self.bytes) = (numbers[0]..<numbers[1], numbers[2], form, bytes)
    }

    private static func isSound(_ bytes: [UInt8], _ form: Form, span: Range<UInt64>, count: UInt64) -> Bool {
        guard form == .runs else {
            let ones = bytes.reduce(UInt64(0)) { $0 + UInt64($1.nonzeroBitCount) }
            return UInt64(bytes.count) == (UInt64(span.count) + 7) / 8 && ones == count
        }
        var (rest, position, found) = (bytes[...], span.lowerBound, UInt64(0))
        while !rest.isEmpty {
            guard let gap = number(&rest), let length = number(&rest), gap <= span.upperBound - position,
                length <= span.upperBound - position - gap
            else { return false }
            position += gap + length
            found += length
        }
        return position == span.upperBound && found == count
    }
}

/// Writes runs that ascend.
package struct RunWriter {
    private var bytes: [UInt8] = []
    private var first: UInt64?
    private var end: UInt64 = 0
    private var count: UInt64 = 0
    /// The run that may still grow.
    private var last: Range<UInt64>?

    package init() {}

    package mutating func append(_ run: Range<UInt64>) {
        guard !run.isEmpty else { return }
        count += UInt64(run.count)
        if let last, last.upperBound == run.lowerBound {
            self.last = last.lowerBound..<run.upperBound
        } else {
            flush()
            last = run
        }
    }

    private mutating func flush() {
        guard let last else { return }
        if first == nil { (first, end) = (last.lowerBound, last.lowerBound) }
        put(last.lowerBound - end)
        put(UInt64(last.count))
        end = last.upperBound
    }

    private mutating func put(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    package mutating func finish() -> PositionSet {
        flush()
        last = nil
        return PositionSet((first.map { $0..<end } ?? 0..<0, count, bytes))
    }
}
