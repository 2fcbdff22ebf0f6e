extension [UInt8] {
    /// The same bytes, but for those from `offset` on that `bytes` takes the place of.
    package func replacing(at offset: Int, with bytes: [UInt8]) -> [UInt8] {
        var copy = self
        copy.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        return copy
    }
}
