/// A closed range that is never empty. `AddressRange` and ranges of ports are intervals, and share one algebra.
protocol Interval {
    associatedtype Bound: Steppable
    var lower: Bound { get }
    var upper: Bound { get }

    /// The interval of both bounds and everything between them. Callers guarantee `lower <= upper`.
    init(lower: Bound, upper: Bound)
}

extension ClosedRange: Interval where Bound == UInt16 {
    var lower: UInt16 { lowerBound }
    var upper: UInt16 { upperBound }

    init(lower: UInt16, upper: UInt16) { self = lower...upper }
}
