/// Division by a number that stays the same, as a multiplication (Granlund & Montgomery, "Division by Invariant Integers using Multiplication",
/// 1994): a machine's division takes several times as long.
package struct FixedDivisor: Sendable {
    package let divisor: UInt64
    private let multiplier: UInt64
    private let firstShift: UInt64
    private let secondShift: UInt64

    /// 1 ... 2^63; 0 is taken as 1.
    package init(_ divisor: UInt64) {
        let divisor = max(1, divisor)
        self.divisor = divisor
        let bits = UInt64(64 - (divisor - 1).leadingZeroBitCount)
        // ⌊2^64 × (2^bits − divisor) / divisor⌋ + 1; the quotient fits, because 2^bits is less than twice the divisor.
        multiplier = divisor.dividingFullWidth((high: (1 &<< bits) &- divisor, low: 0)).quotient &+ 1
        firstShift = min(bits, 1)
        secondShift = bits - firstShift
    }

    /// `value` / `divisor`.
    @inline(__always)
    package func quotient(of value: UInt64) -> UInt64 {
        let product = multiplier.multipliedFullWidth(by: value).high
        return (product &+ (value &- product) &>> firstShift) &>> secondShift
    }
}
