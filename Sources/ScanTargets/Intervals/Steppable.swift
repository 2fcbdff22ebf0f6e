/// A value that knows its neighbours, so that ranges of it can be merged and cut without arithmetic that overflows.
protocol Steppable: Comparable {
    /// The value right after this one, nil at the end.
    var next: Self? { get }
    /// The value right before this one, nil at the beginning.
    var previous: Self? { get }
}

extension Steppable where Self: FixedWidthInteger {
    var next: Self? { self == .max ? nil : self + 1 }
    var previous: Self? { self == .min ? nil : self - 1 }
}

extension UInt16: Steppable {}
extension UInt32: Steppable {}
extension UInt128: Steppable {}
