package import ScanCore

extension SeededGenerator {
    package mutating func key() -> ScanKey {
        guard let key = ScanKey(bytes: bytes(ScanKey.size)) else { preconditionFailure("a key has \(ScanKey.size) bytes") }
        return key
    }
}
