extension Array where Element: Comparable {
    /// Where the last element that is not above `value` stands in this sorted array; nil when all are above it. Takes log2(count) steps and
    /// allocates nothing: the packet path looks addresses and ports up with it.
    func sortedIndex(ofLastNotAbove value: Element) -> Int? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) / 2
            if self[middle] <= value { low = middle &+ 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }
}
