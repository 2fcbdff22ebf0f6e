package import ScanTargets

/// Bytes of JSON in the making, reused from batch to batch so that a line costs no allocation.
package struct LineBuffer: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    /// Forgets the content, keeps the memory.
    package mutating func clear() {
        bytes.removeAll(keepingCapacity: true)
    }

    /// Cuts the content back to its first `count` bytes.
    package mutating func cut(to count: Int) {
        guard count < bytes.count else { return }
        bytes.removeLast(bytes.count - max(0, count))
    }

    package mutating func append(_ text: StaticString) {
        guard text.hasPointerRepresentation else { return }
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    package mutating func append(_ byte: UInt8) {
        bytes.append(byte)
    }

    package mutating func append(verbatim other: [UInt8]) {
        bytes.append(contentsOf: other)
    }

    package mutating func append(_ other: UnsafeMutableRawBufferPointer) {
        bytes.append(contentsOf: other)
    }

    package mutating func append(_ number: some FixedWidthInteger) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        append(digits: UInt64(clamping: number.magnitude), atLeast: 1)
    }

    /// Decimal digits, with zeros before them up to `least`, at most 20.
    private mutating func append(digits number: UInt64, atLeast least: Int) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { text in
            var rest = number
            var first = 20
            while rest > 0 || 20 - first < least {
                first -= 1
                text[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            bytes.append(contentsOf: text[first...])
        }
    }

    /// `millionths` as a decimal number with `digits` (1...6) digits after the point, the others cut off; below 0 counts as 0.
    package mutating func append(millionths: Int64, digits: Int) {
        let value = UInt64(max(0, millionths))
        let places = min(max(digits, 1), 6)
        append(digits: value / 1_000_000, atLeast: 1)
        bytes.append(UInt8(ascii: "."))
        let cut = [100_000, 10_000, 1000, 100, 10, 1] as InlineArray<6, UInt64>
        append(digits: value % 1_000_000 / cut[places - 1], atLeast: places)
    }

    /// A JSON string, quoted. Control characters (C0, DEL, C1) and the line and paragraph separators are escaped, so that the text cannot act on
    /// whatever shows it.
    package mutating func append(quoted text: String) {
        bytes.append(UInt8(ascii: "\""))
        if !appendPlain(text) { appendEscaped(text) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Appends a text in which nothing has to be escaped, as nearly all have; false for another one.
    private mutating func appendPlain(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { utf8 in
            guard utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) else { return false }
            bytes.append(contentsOf: utf8)
            return true
        }
    }

    private mutating func appendEscaped(_ text: String) {
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5c:
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case 0x20..<0x7f: bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029: appendEscape(scalar.value)
            default: bytes.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
            }
        }
    }

    /// The address's text, unquoted.
    package mutating func append(_ address: IPAddress) {
        guard let number = address.v4 else { return bytes.append(contentsOf: address.description.utf8) }
        append(number >> 24)
        for shift: UInt32 in [16, 8, 0] {
            bytes.append(UInt8(ascii: "."))
            append(number >> shift & 0xff)
        }
    }

    private mutating func appendEscape(_ value: UInt32) {
        append("\\u")
        for shift: UInt32 in [12, 8, 4, 0] {
            let digit = UInt8(truncatingIfNeeded: value >> shift & 0xf)
            bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }
}
