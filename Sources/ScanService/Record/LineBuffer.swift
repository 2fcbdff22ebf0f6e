import PacketIO
package import ScanAPI
package import ScanTargets

/// Bytes of JSON in the making, reused from batch to batch so that a line costs no allocation. The memory is its own: a byte costs a comparison and a
/// store.
package struct LineBuffer: ~Copyable, @unchecked Sendable {
    // Unchecked: nobody else knows the memory.
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity = 256
    package private(set) var count = 0

    package init() {
        memory = .allocate(capacity: capacity)
    }

    deinit {
        memory.deallocate()
    }

    /// A copy of the content.
    package var bytes: [UInt8] { withBytes { Array($0) } }

    /// The content, valid until `body` returns.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(start: memory, count: count))
    }

    /// Forgets the content, keeps the memory.
    package mutating func clear() {
        count = 0
    }

    /// Cuts the content back to its first `count` bytes.
    package mutating func cut(to count: Int) {
        self.count = min(self.count, max(0, count))
    }

    /// Where the next bytes go, with room for `length` of them.
    @inline(__always)
    private mutating func room(for length: Int) -> UnsafeMutablePointer<UInt8> {
        if capacity - count < length { grow(by: length) }
        return memory + count
    }

    @inline(never)
    private mutating func grow(by length: Int) {
        capacity = max(2 * capacity, count + length)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: memory, count: count)
        memory.deallocate()
        memory = larger
    }

    @inline(__always)
    private mutating func append(_ start: UnsafePointer<UInt8>?, count length: Int) {
        guard let start else { return }
        room(for: length).update(from: start, count: length)
        count += length
    }

    @inline(__always)
    package mutating func append(_ text: StaticString) {
        guard text.hasPointerRepresentation else { return }
        append(text.utf8Start, count: text.utf8CodeUnitCount)
    }

    package mutating func append(_ byte: UInt8) {
        room(for: 1).pointee = byte
        count += 1
    }

    package mutating func append(verbatim other: [UInt8]) {
        other.withUnsafeBufferPointer { append($0.baseAddress, count: $0.count) }
    }

    /// The time's text, unquoted.
    package mutating func append(_ time: Timestamp) {
        time.write(to: room(for: Timestamp.textLength))
        count += Timestamp.textLength
    }

    package mutating func append(_ number: some FixedWidthInteger) {
        if number < 0 { append(UInt8(ascii: "-")) }
        append(digits: UInt64(clamping: number.magnitude), atLeast: 1)
    }

    /// Decimal digits, with zeros before them up to `least`, at most 20.
    private mutating func append(digits number: UInt64, atLeast least: Int) {
        var length = 1
        var limit: UInt64 = 10
        while length < least || length < 20 && number >= limit {
            length += 1
            limit &*= 10
        }
        let first = room(for: length)
        var rest = number
        for place in stride(from: length - 1, through: 0, by: -1) {
            first[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        count += length
    }

    /// `millionths` as a decimal number with `digits` (1...6) digits after the point, the others cut off; below 0 counts as 0.
    package mutating func append(millionths: Int64, digits: Int) {
        let value = UInt64(max(0, millionths))
        let places = min(max(digits, 1), 6)
        append(digits: value / 1_000_000, atLeast: 1)
        append(UInt8(ascii: "."))
        let cut = [100_000, 10_000, 1000, 100, 10, 1] as InlineArray<6, UInt64>
        append(digits: value % 1_000_000 / cut[places - 1], atLeast: places)
    }

    /// A JSON string, quoted. Control characters (C0, DEL, C1), the line and paragraph separators and what turns the direction of writing are escaped,
    /// so that the text cannot act on whatever shows it.
    package mutating func append(quoted text: String) {
        append(UInt8(ascii: "\""))
        if !appendPlain(text) { appendEscaped(text) }
        append(UInt8(ascii: "\""))
    }

    /// Appends a text in which nothing has to be escaped, as nearly all have; false for another one.
    private mutating func appendPlain(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { utf8 in
            let start = room(for: utf8.count)
            for (place, byte) in utf8.enumerated() {
                guard byte >= 0x20, byte < 0x7F, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return false }
                start[place] = byte
            }
            count += utf8.count
            return true
        }
    }

    private mutating func appendEscaped(_ text: String) {
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x22, 0x5c:
                append(UInt8(ascii: "\\"))
                append(UInt8(truncatingIfNeeded: scalar.value))
            case 0..<0x20, 0x7f..<0xa0, 0x061c, 0x200e, 0x200f, 0x2028...0x202e, 0x2066...0x2069: appendEscape(scalar.value)
            default: for byte in UTF8.encode(scalar) ?? .init() { append(byte) }
            }
        }
    }

    private mutating func appendEscape(_ value: UInt32) {
        append("\\u")
        for shift: UInt32 in [12, 8, 4, 0] {
            let digit = UInt8(truncatingIfNeeded: value >> shift & 0xf)
            append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
        }
    }

    /// The address's text in quotes; of a link-local one with the interface of its link, without which it means nothing (RFC 4007 §11).
    package mutating func append(quoted address: IPAddress, zone: String?) {
        if address.family == .v6, let zone, Narrowing.linkLocal?.contains(address) == true { return append(quoted: "\(address)%\(zone)") }
        append("\"")
        append(address)
        append("\"")
    }

    /// The address's text, unquoted.
    package mutating func append(_ address: IPAddress) {
        guard let number = address.v4 else { return append(verbatim: Array(address.description.utf8)) }
        append(number >> 24)
        for shift: UInt32 in [16, 8, 0] {
            append(UInt8(ascii: "."))
            append(number >> shift & 0xff)
        }
    }
}
