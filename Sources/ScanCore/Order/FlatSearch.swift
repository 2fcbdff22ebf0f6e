/// Sorted numbers in memory of their own, with a directory of where each stretch of values begins.
///
/// Made for the packet path: a look-up counts no references, checks no bounds, and touches a few cache lines however many numbers there are.
/// Immutable; any thread.
package final class FlatSearch<Value: FixedWidthInteger & UnsignedInteger & Sendable>: @unchecked Sendable {
    // Unchecked: the memory is allocated and filled here, freed in deinit, and never written in between.
    package let view: View

    /// What look-ups need, to be copied into a local variable; valid as long as its `FlatSearch`.
    package struct View: @unchecked Sendable {
        // Unchecked: points to memory that is never written again.
        /// The numbers themselves.
        package let numbers: UnsafeMutablePointer<Value>
        fileprivate let starts: UnsafeMutablePointer<UInt32>
        fileprivate let buckets: Value
        fileprivate let least: Value
        fileprivate let shift: Value
        fileprivate let isSingle: Bool

        /// Where the last number not above `value` stands; minus one when all are above it.
        @inline(__always)
        package func index(ofLastNotAbove value: Value) -> Int {
            guard value >= least else { return -1 }
            if isSingle { return 0 }
            // In range: it is at most `buckets`, and there are `buckets` + 2 entries.
            let bucket = Int(truncatingIfNeeded: min((value &- least) &>> shift, buckets))
            var low = Int(starts[bucket])
            var high = Int(starts[bucket &+ 1])
            // What stands before `low` is not above, what stands from `high` on is.
            while low < high {
                let middle = (low &+ high) &>> 1
                if numbers[middle] <= value { low = middle &+ 1 } else { high = middle }
            }
            return low &- 1
        }
    }

    private static var mostBuckets: Int { 1 << 18 }

    /// `numbers` are sorted, without repeats, and fewer than 2^32.
    package convenience init(_ numbers: [Value]) {
        self.init(count: numbers.count) { values in
            for (index, number) in numbers.enumerated() { values[index] = number }
        }
    }

    /// `fill` writes all numbers, sorted, without repeats, and fewer than 2^32.
    package init(count: Int, _ fill: (UnsafeMutablePointer<Value>) -> Void) {
        let values = UnsafeMutablePointer<Value>.allocate(capacity: max(1, count))
        values.initialize(repeating: .max, count: max(1, count))
        fill(values)
        let numbers = UnsafeBufferPointer(start: values, count: count)
        let least = numbers.first ?? .max
        let span = (numbers.last ?? .max) - least
        var buckets = 1
        while buckets < Self.mostBuckets, buckets < numbers.count { buckets *= 2 }
        // The least shift that leaves no more buckets than there are.
        var shift: Value = 0
        while span >> shift >= buckets { shift += 1 }
        let starts = UnsafeMutablePointer<UInt32>.allocate(capacity: buckets + 2)
        starts.initialize(repeating: 0, count: buckets + 2)
        for number in numbers { starts[Int((number - least) >> shift) + 1] += 1 }
        for bucket in 0...buckets { starts[bucket + 1] += starts[bucket] }
        view = View(numbers: values, starts: starts, buckets: Value(buckets), least: least, shift: shift, isSingle: numbers.count == 1)
    }

    deinit {
        view.numbers.deallocate()
        view.starts.deallocate()
    }
}
