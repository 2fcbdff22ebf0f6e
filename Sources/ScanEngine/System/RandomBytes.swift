import CLinux

/// Bytes that nobody can guess (getrandom(2)).
enum RandomBytes {
    static func make(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = clinux_getrandom(buffer.baseAddress.map { $0 + filled }, count - filled)
                // Only an interruption can fail here (the pool is ready long before a service starts): ask again.
                if got > 0 { filled += got }
            }
        }
    }
}
