/// The secret of one job: it fixes the order of the probes and the cookies that replies must carry.
package struct ScanKey: Sendable, Equatable {
    package static let size = 32

    package let bytes: [UInt8]

    /// Nil unless there are exactly `size` bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.size else { return nil }
        self.bytes = bytes
    }

    /// A key that nobody can guess: the generator of Swift's library is the kernel's (getrandom(2)).
    package static func random() -> ScanKey {
        var generator = SystemRandomNumberGenerator()
        return ScanKey(using: &generator)
    }

    private init(using generator: inout some RandomNumberGenerator) {
        bytes = (0..<Self.size).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    /// The `index`-th eight bytes as a number; `index` is 0...3.
    package func word(_ index: Int) -> UInt64 {
        bytes[index * 8..<index * 8 + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
