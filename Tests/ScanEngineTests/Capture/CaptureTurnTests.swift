import PacketIO
import Testing

@Suite("A turn of the capture thread")
struct CaptureTurnTests {
    @Test(
        "a flood that never ends is left after what the buffer can have held, anything less is taken whole",
        arguments: [0, 1, 4095, 4096, 10_000])
    func turns(waiting: Int) throws {
        var left = waiting
        try CaptureTurn.take(most: 87_381, by: 4096) { () throws(EngineError) in
            defer { left -= min(left, 4096) }
            return min(left, 4096)
        }
        #expect(left == 0)
        var flood = 0
        try CaptureTurn.take(most: 87_381, by: 4096) { () throws(EngineError) in
            flood += 4096
            return 4096
        }
        #expect(87_381..<87_381 + 4096 ~= flood)
    }

    @Test("a capture that has died ends it")
    func fault() {
        #expect(throws: EngineError.self) {
            try CaptureTurn.take(most: 10, by: 4) { () throws(EngineError) in throw EngineError(.device, "gone") }
        }
    }
}
