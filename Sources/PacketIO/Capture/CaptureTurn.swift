/// One turn of the capture thread at one capture.
package enum CaptureTurn {
    /// Takes batches until one is not full, or `most` packets have come: that is all that had arrived at the beginning. Whoever sends faster than packets
    /// are taken must not keep the thread from everything else.
    package static func take(most: Int, by batch: Int, _ take: () throws(EngineError) -> Int) throws(EngineError) {
        var taken = 0
        while taken < most, case let count = try take(), count > 0 {
            taken += count
            if count < batch { return }
        }
    }
}
