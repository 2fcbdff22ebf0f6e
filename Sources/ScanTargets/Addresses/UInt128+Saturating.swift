extension UInt128 {
    /// The sum, or the greatest value where it does not fit.
    func saturatingAdd(_ other: UInt128) -> UInt128 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    /// The product, or the greatest value where it does not fit.
    func saturatingMultiply(_ other: UInt128) -> UInt128 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
