/// A point in time: microseconds since 1970-01-01T00:00:00Z, written in JSON as an RFC 3339 UTC string with six decimals.
///
/// Covers the years 0001 to 9999; values outside are held at those bounds when they are written.
package struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.microseconds < b.microseconds }

    /// Seconds from `earlier` to this time, negative when `earlier` is later.
    package func seconds(since earlier: Timestamp) -> Double {
        (Double(microseconds) - Double(earlier.microseconds)) / 1e6
    }

    /// `2026-11-23T19:06:01.000123Z`
    package var description: String {
        String(unsafeUninitializedCapacity: Self.textLength) { buffer in
            write(to: buffer.baseAddress.map { UnsafeMutableRawPointer($0) })
            return Self.textLength
        }
    }

    /// The length of the text form in bytes; it never varies.
    package static let textLength = 27

    /// Writes the text form, `textLength` ASCII bytes, for callers that format lines into a buffer of their own.
    package func write(to out: UnsafeMutableRawPointer?) {
        guard let out else { return }
        let bounded = min(max(microseconds, -62_135_596_800_000_000), 253_402_300_799_999_999)
        let (seconds, fraction) = bounded.flooredDivision(by: 1_000_000)
        let (days, second) = seconds.flooredDivision(by: 86_400)
        let date = CivilDate(daysSinceEpoch: days)
        func put(_ value: Int64, _ digits: Int, at offset: Int) {
            var rest = value
            for place in stride(from: offset + digits - 1, through: offset, by: -1) {
                out.storeBytes(of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10), toByteOffset: place, as: UInt8.self)
                rest /= 10
            }
        }
        func mark(_ character: Unicode.Scalar, at offset: Int) {
            out.storeBytes(of: UInt8(ascii: character), toByteOffset: offset, as: UInt8.self)
        }
        put(date.year, 4, at: 0)
        mark("-", at: 4)
        put(date.month, 2, at: 5)
        mark("-", at: 7)
        put(date.day, 2, at: 8)
        mark("T", at: 10)
        put(second / 3600, 2, at: 11)
        mark(":", at: 13)
        put(second / 60 % 60, 2, at: 14)
        mark(":", at: 16)
        put(second % 60, 2, at: 17)
        mark(".", at: 19)
        put(fraction, 6, at: 20)
        mark("Z", at: 26)
    }

    /// Reads RFC 3339: `2026-11-23T19:06:01.000123Z`, `2026-11-23 20:06+01:00` and what lies between; digits beyond microseconds are dropped.
    package init?(_ text: String) {
        guard let normal = Self.normalised(text) else { return nil }
        self = normal
    }

    /// `text` with seconds, fraction and offset filled in.
    private static func normalised(_ text: String) -> Timestamp? {
        var rest = Substring(text)
        let date = rest.prefix(10)
        rest = rest.dropFirst(10)
        guard let separator = rest.popFirst(), separator == "T" || separator == "t" || separator == " " else { return nil }
        let minutes = rest.prefix(5)
        rest = rest.dropFirst(5)
        var seconds = "00"
        if rest.first == ":" {
            seconds = String(rest.dropFirst().prefix(2))
            rest = rest.dropFirst(3)
        }
        var fraction = ""
        if rest.first == "." {
            fraction = String(rest.dropFirst().prefix { $0.isASCII && $0.isNumber })
            guard !fraction.isEmpty else { return nil }
            rest = rest.dropFirst(fraction.count + 1)
        }
        guard let offset = offsetMinutes(rest) else { return nil }
        let digits = fraction.prefix(6) + String(repeating: "0", count: max(0, 6 - fraction.count))
        guard let exact = Timestamp(exactly: "\(date)T\(minutes):\(seconds).\(digits)Z") else { return nil }
        return Timestamp(microseconds: exact.microseconds - offset * 60_000_000)
    }

    /// `Z` or `+01:00`, in minutes east of Greenwich.
    private static func offsetMinutes(_ text: Substring) -> Int64? {
        if text == "Z" || text == "z" { return 0 }
        let parts = text.dropFirst().split(separator: ":", omittingEmptySubsequences: false)
        guard text.first == "+" || text.first == "-", parts.count == 2, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isASCII) }),
            let hours = UInt8(parts[0]), let minutes = UInt8(parts[1]), hours < 24, minutes < 60
        else { return nil }
        return (text.first == "-" ? -1 : 1) * (Int64(hours) * 60 + Int64(minutes))
    }

    /// Reads exactly the form that `description` writes.
    package init?(exactly text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == Self.textLength else { return nil }
        func number(_ offset: Int, _ digits: Int) -> Int64? {
            var value: Int64 = 0
            for byte in bytes[offset..<offset + digits] {
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard let year = number(0, 4), let month = number(5, 2), let day = number(8, 2), let hour = number(11, 2),
            let minute = number(14, 2), let second = number(17, 2), let fraction = number(20, 6),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
        self.init(microseconds: ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + fraction)
        guard description == text else { return nil }
    }
}

extension Timestamp: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Timestamp(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "\(text) is not a time like 2026-11-23T19:06:01.000000Z")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// The proleptic Gregorian calendar by day counts, after H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
private struct CivilDate {
    var year: Int64
    var month: Int64
    var day: Int64

    init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// Years begin in March here, so that the leap day is the last day of a year; an era has 400 years, 146,097 days.
    init(daysSinceEpoch: Int64) {
        let (era, dayOfEra) = (daysSinceEpoch + 719_468).flooredDivision(by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
        month = shifted < 10 ? shifted + 3 : shifted - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var daysSinceEpoch: Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = marchYear.flooredDivision(by: 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension Int64 {
    /// Quotient rounded down and the remainder that belongs to it, 0 ..< divisor; `divisor` is positive.
    fileprivate func flooredDivision(by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
