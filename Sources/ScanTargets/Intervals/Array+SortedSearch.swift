extension Array where Element: Comparable {
    /// Where the last element that is not above `value` stands in this sorted array; nil when all are above it.
    ///
    /// The loop runs log2(count) times whatever it finds, and its choice compiles to a conditional move: a random look-up costs no mispredicted
    /// branch. It runs once or twice for each packet.
    func sortedIndex(ofLastNotAbove value: Element) -> Int? {
        guard !isEmpty else { return nil }
        var base = 0
        var length = count
        while length > 1 {
            let half = length / 2
            base += self[base + half] <= value ? half : 0
            length -= half
        }
        return self[base] <= value ? base : nil
    }
}
