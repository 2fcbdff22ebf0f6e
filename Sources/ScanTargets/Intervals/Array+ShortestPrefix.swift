extension Array {
    /// The index of the element with which a prefix begins to satisfy `condition`, found in log2(count) tries.
    ///
    /// The condition holds for every longer prefix too, and for the whole array, which is not empty.
    func lastIndexOfShortestPrefix(satisfying condition: (ArraySlice<Element>) -> Bool) -> Int {
        var low = 0
        var high = count - 1
        while low < high {
            let middle = (low + high) / 2
            if condition(self[...middle]) { high = middle } else { low = middle + 1 }
        }
        return high
    }
}
