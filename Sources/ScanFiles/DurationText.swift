/// Lengths of time as people write them.
package enum DurationText {
    /// `90s`, `30m`, `12h`, `7d`, and several of them in a row (`1h30m`), as seconds; nil for anything else, and for more than 10,000 years.
    package static func seconds(_ text: some StringProtocol) -> Int? {
        var total = 0
        var rest = text[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            guard digits.count <= 12, let count = Int(digits), let unit = rest.popFirst().flatMap(seconds(in:)) else { return nil }
            let (product, isTooMuch) = count.multipliedReportingOverflow(by: unit)
            guard !isTooMuch, product <= longest - total else { return nil }
            total += product
        }
        return total
    }

    private static let longest = 315_360_000_000

    private static func seconds(in unit: Character) -> Int? {
        switch unit {
        case "s": 1
        case "m": 60
        case "h": 3600
        case "d": 86_400
        default: nil
        }
    }
}
