/// Numbers and durations as people read them.
package enum Quantities {
    /// `81,920`
    package static func count(_ number: some BinaryInteger) -> String {
        let digits = String(number.magnitude)
        var result = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { result += "," }
            result.append(digit)
        }
        return result
    }

    /// `1 target`, `2 targets`
    package static func count(_ number: some BinaryInteger, _ noun: String, _ plural: String? = nil) -> String {
        "\(count(number)) \(number == 1 ? noun : plural ?? noun + "s")"
    }

    /// `4.31 s`, `12.3 s`, `2 min 05 s`, `3 h 20 min`, `12 d 4 h`: about three digits; at most 200,000 years, `unknown` for what is no number.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0 else { return "unknown" }
        if seconds < 9.995 { return "\(fixed(seconds, 2)) s" }
        if seconds < 59.95 { return "\(fixed(seconds, 1)) s" }
        let whole = Int64(min(seconds.rounded(), 6e12))
        switch whole {
        case ..<3600: return "\(whole / 60) min \(twoDigits(whole % 60)) s"
        case ..<86_400: return "\(whole / 3600) h \(twoDigits(whole / 60 % 60)) min"
        default: return "\(count(whole / 86_400)) d \(whole / 3600 % 24) h"
        }
    }

    /// Seconds to go as a clock: `0:07`, `12:30`, `3:20:00`; days from 100 hours on.
    package static func clock(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0 else { return "unknown" }
        let whole = Int64(min(seconds.rounded(.up), 6e12))
        switch whole {
        case ..<3600: return "\(whole / 60):\(twoDigits(whole % 60))"
        case ..<360_000: return "\(whole / 3600):\(twoDigits(whole / 60 % 60)):\(twoDigits(whole % 60))"
        default: return duration(Double(whole))
        }
    }

    /// Probes a second, rounded to what is worth reading: `0.5/s`, `19,980/s`.
    package static func rate(_ perSecond: Double) -> String {
        guard perSecond.isFinite, perSecond >= 0 else { return "unknown" }
        if perSecond > 0, perSecond < 9.95 { return "\(fixed(perSecond, 1))/s" }
        return "\(count(Int64(min(perSecond.rounded(), 1e15))))/s"
    }

    /// A share of 0...1 as whole percent, rounded down so that 100 % means all.
    package static func percent(_ share: Double) -> String {
        "\(Int((min(max(share.isFinite ? share : 0, 0), 1) * 100).rounded(.down))) %"
    }

    /// A share of 0...1 with four decimals, rounded down so that 1 means all: `0.9994`.
    package static func share(_ share: Double) -> String {
        let scaled = Int64((min(max(share.isFinite ? share : 0, 0), 1) * 10_000 + 1e-6).rounded(.down))
        if scaled == 10_000 { return "1" }
        let digits = String(scaled)
        return "0." + String(repeating: "0", count: 4 - digits.count) + digits
    }

    /// A share of 0...1 as percent with one decimal: `9.7 %`.
    package static func tenths(_ share: Double) -> String {
        "\(fixed(min(max(share.isFinite ? share : 0, 0), 1) * 100, 1)) %"
    }

    /// With `places` decimals; for values below 10^12.
    private static func fixed(_ value: Double, _ places: Int) -> String {
        let scale: Int64 = places == 2 ? 100 : 10
        let scaled = Int64((value * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: max(0, places - fraction.count)) + fraction
    }

    private static func twoDigits(_ value: Int64) -> String {
        value < 10 ? "0\(value)" : "\(value)"
    }
}
