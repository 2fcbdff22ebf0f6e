/// Lengths of time as people write them.
package enum DurationText {
    private static let units: [(letter: Character, seconds: Int)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
    /// More than anything that is asked for, and far from an overflow.
    private static let longest = 10_000 * 366 * 86_400

    /// `90s`, `30m`, `12h`, `7d`, and several in a row, the greater units first (`1h30m`), in seconds, at most 10,000 years; nil for anything else.
    package static func seconds(_ text: some StringProtocol) -> Int? {
        var rest = Substring(text)
        var units = units[...]
        var seconds = 0
        repeat {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            // Nine digits of days are too far away already.
            guard digits.count <= 9, let number = Int(digits) else { return nil }
            rest = rest.dropFirst(digits.count)
            guard let letter = rest.popFirst(), let index = units.firstIndex(where: { $0.letter == letter }) else { return nil }
            seconds += number * units[index].seconds
            units = units[(index + 1)...]
        } while !rest.isEmpty
        return min(seconds, longest)
    }
}
